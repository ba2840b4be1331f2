using ElasticEp.Samples.Serving;
using ElasticEp.Samples.Serving.Messages;
using ElasticEp.Samples.Serving.Ranks;

namespace ElasticEp.Samples.Tests.Serving.Simulation;

/// <summary>A rank: the core and a scripted model, without a driver.</summary>
internal sealed class SimRank
{
    private readonly ModelLimits _limits;
    private readonly List<OutgoingMessage> _inbox = [];
    private int _leaves;

    public SimRank(MemberId id, MemberId frontEnd, SimSettings settings, IReadOnlyList<int[]> texts, SimRandom random)
    {
        _limits = settings.Limits;
        Id = id;
        FrontEnd = frontEnd;
        Model = new ScriptedModel(settings.Limits, texts);
        Core = new RankServingCore(settings.Limits, settings.MaxPromptTokens);
        Steps = new ModelSteps(Model, Core);
        ToRank = new SimLink(random, settings);
        ToFrontEnd = new SimLink(random, settings);
    }

    public MemberId Id { get; }

    public MemberId FrontEnd { get; }

    public ScriptedModel Model { get; }

    public RankServingCore Core { get; }

    public ModelSteps Steps { get; }

    public SimLink ToRank { get; }

    public SimLink ToFrontEnd { get; }

    public bool IsLeaving { get; private set; }

    /// <summary>Cost of the newest step.</summary>
    public double Cost { get; private set; }

    /// <summary>Steps that it has run.</summary>
    public int StepCount { get; private set; }

    /// <summary>When its links to the front end are up again; in the past while they are.</summary>
    public long CutUntil { get; private set; }

    /// <summary>When they went down.</summary>
    public long CutSince { get; private set; }

    public void Receive(OutgoingMessage message, long now)
    {
        if (message.Topic == ServingTopic.Check && message.Payload.IsEmpty)
            ToFrontEnd.Send(now, new OutgoingMessage(FrontEnd, ServingTopic.Report, ReadOnlyMemory<byte>.Empty)); // between steps or not
        else
            _inbox.Add(message);
    }

    /// <summary>The front end cannot reach it for a while, nor it the front end.</summary>
    public void Cut(long now, long until)
    {
        CutSince = CutUntil > now ? CutSince : now;
        CutUntil = Math.Max(CutUntil, until);
        ToRank.CutUntil(until);
        ToFrontEnd.CutUntil(until);
    }

    public void Leave()
    {
        IsLeaving = true;
        Core.OnLeave(++_leaves, mustHandBack: true);
    }

    public void Stay()
    {
        IsLeaving = false;
        Core.OnLeave(0, mustHandBack: false);
    }

    /// <summary>One attempt of a step; the first one plans it.</summary>
    public void Run(long now, FakeStep step)
    {
        if (Core.Current is null)
        {
            Core.OnContact(FrontEnd);
            foreach (var message in _inbox)
                RankMessage.Read(new GroupMessage(FrontEnd, message.Topic, message.Payload))?.Invoke(Core);
            _inbox.Clear();
            var oldest = Core.Oldest;
            Steps.Begin(_limits.Rows);
            Assert.True(Core.IsLeaving || oldest is null || Core.Oldest is null || Core.Oldest <= oldest, $"rank {Id}: the oldest request {oldest} has lost its pages");
            SendAll(now);
        }

        var run = Steps.RunAsync(step, CancellationToken.None);
        Assert.True(run.IsCompletedSuccessfully);
    }

    public void Complete(long now)
    {
        Cost = Core.Cost;
        StepCount++;
        Core.OnCompleted(Steps.Output.Tokens, Steps.Misses);
        Steps.End();
        SendAll(now);
    }

    /// <summary>The step's delegate has thrown.</summary>
    public void Fail(long now)
    {
        Core.OnFailed("the test wants it");
        Steps.Drop();
        SendAll(now);
    }

    private void SendAll(long now)
    {
        foreach (var message in Core.Outgoing)
            ToFrontEnd.Send(now, message);
        Core.Outgoing.Clear();
    }
}
