using ElasticEp.Samples.Serving;
using ElasticEp.Samples.Serving.FrontEnds;

namespace ElasticEp.Samples.Tests.Serving.Simulation;

/// <summary>
/// A front end and ranks from a seed: the cores themselves, without threads and clocks. Ranks join, leave, change their mind and are killed,
/// batches fail, links lose what is under way, messages are late, and the cache is small.
/// </summary>
internal sealed class ServingSimulation
{
    private const int Vocabulary = 1000;
    private const long MostStall = 5000; // of requests of a rank that the front end does not reach

    private static readonly SimFault[] SimFaults =
    [
        SimFault.BreakToRank, SimFault.BreakToRank, SimFault.BreakToFrontEnd, SimFault.BreakToFrontEnd, SimFault.Join, SimFault.Join, SimFault.Join,
        SimFault.Leave, SimFault.Leave, SimFault.FailBatch, SimFault.Kill, SimFault.Cut,
    ];

    private static readonly MemberId FrontEnd = new(-1, 1);

    private readonly SimRandom _random;
    private readonly SimClock _clock = new();
    private readonly SimSettings _settings;
    private readonly SimObserver _observer = new();
    private readonly FrontEndCore _frontEnd;
    private readonly List<int[]> _texts = [];
    private readonly List<SimRank> _ranks = [];
    private readonly Dictionary<GenerationRequest, List<int>> _delivered = [];
    private readonly HashSet<GenerationRequest> _failed = [];
    private readonly Queue<(long At, long Epoch, MemberId[] Members)> _views = [];
    private long _incarnations;
    private long _epoch;
    private long _checkAt;
    private long _step;

    public ServingSimulation(ulong seed, SimSettings settings)
    {
        _random = new SimRandom(seed);
        _settings = settings;
        _frontEnd = new FrontEndCore(new FrontEndOptions { Capacity = 100_000, Limits = settings.Limits, MaxPromptTokensPerStep = settings.MaxPromptTokens }, _observer, _clock) { Load = settings.Load };
        for (var rank = 0; rank < settings.Ranks; rank++)
            Join(rank);
        ShowView();
    }

    public int Preemptions => _observer.Preemptions;

    public long HandBacks => _frontEnd.HandBacks;

    public int Kills { get; private set; }

    public int Leaves { get; private set; }

    public int Cuts { get; private set; }

    public int Failures { get; private set; }

    public int Requests => _delivered.Count;

    /// <summary>Tokens that all requests ask for.</summary>
    public long TokensWanted => _delivered.Keys.Sum(request => (long)request.Options.MaxTokens);

    /// <summary>Requests that have failed.</summary>
    public int Failed => _failed.Count;

    public IReadOnlyList<SimRank> Ranks => _ranks;

    public FrontEndCore Core => _frontEnd;

    /// <summary>Runs until every request has ended, and what remains has been told.</summary>
    public void Run()
    {
        for (var i = 0; i < _settings.Requests; i++)
        {
            if (_random.Chance(_settings.ArrivalPause))
                Steps(_random.Between(1, 20), isQuiet: false);
            Submit(_random.Between(1, _settings.LongestPrompt), _random.Between(1, _settings.LongestText));
        }

        for (var left = _settings.MostSteps; _frontEnd.Outstanding > 0; left--)
        {
            Assert.True(left > 0, $"after {_settings.MostSteps} steps {_frontEnd.Outstanding} requests have not ended");
            Step(isQuiet: left < _settings.MostSteps - _settings.FaultySteps); // then whatever was lost must be found without another fault
        }

        Steps(4000, isQuiet: true); // checks come every second, and some messages are late
        Check();
    }

    /// <summary>Queues a request.</summary>
    public GenerationRequest Submit(int prompt, int text)
    {
        var number = _texts.Count;
        _texts.Add([number, .. Enumerable.Range(0, prompt + text).Select(_ => _random.Below(Vocabulary))]);
        Assert.Null(_frontEnd.Reserve(1));
        var options = new GenerationOptions(text, SamplingSettings.Greedy, true)
        {
            PromptLogProbabilities = number % 2 == 0 ? 0 : GenerationOptions.NoLogProbabilities,
            Adjustments = number % 3 == 0 ? new LogitAdjustments { PresencePenalty = 1 } : LogitAdjustments.None,
        };
        var request = _frontEnd.Submit(_texts[number][..prompt], options, _clock.Now);
        _delivered.Add(request, []);
        Apply();
        return request;
    }

    /// <summary>The group grows, or ranks leave it, the highest ones.</summary>
    public void Scale(int ranks)
    {
        while (_ranks.Count < ranks)
            Join(_ranks.Count);
        foreach (var leaver in _ranks.Skip(ranks))
            leaver.Leave();
        ShowView();
    }

    public void Steps(int count, bool isQuiet)
    {
        for (var i = 0; i < count; i++)
            Step(isQuiet);
    }

    /// <summary>A step of all ranks, and what happens around it.</summary>
    public void Step(bool isQuiet)
    {
        _clock.Now += 1;
        Deliver();
        var fault = isQuiet || !_random.Chance(_settings.Faults) ? SimFault.None : _random.Pick(SimFaults);
        if (fault == SimFault.BreakToRank)
            _random.Pick(_ranks).ToRank.Break();
        if (fault == SimFault.BreakToFrontEnd)
            _random.Pick(_ranks).ToFrontEnd.Break();
        if (fault == SimFault.Cut)
        {
            Cuts++;
            _random.Pick(_ranks).Cut(_clock.Now, _clock.Now + _random.Between(1000, 9000));
        }

        Resize(fault);
        _step++;
        foreach (var rank in _ranks)
            rank.Run(_clock.Now, new FakeStep(_step, _settings.Limits.Rows));
        if (fault == SimFault.Kill && _ranks.Count > 1)
        {
            Kills++;
            _ranks.RemoveAt(_random.Below(_ranks.Count)); // in the middle of the step: the others run it again, without it
            ShowView();
            foreach (var rank in _ranks)
                rank.Run(_clock.Now, new FakeStep(_step, _settings.Limits.Rows));
        }

        if (fault == SimFault.FailBatch)
        {
            Failures++;
            var failing = _random.Pick(_ranks);
            failing.Fail(_clock.Now);
            failing.Run(_clock.Now, new FakeStep(_step, _settings.Limits.Rows));
        }

        foreach (var rank in _ranks)
            rank.Complete(_clock.Now);
        OneOwner();
        NobodyWaitsForACutRank();
    }

    private void Resize(SimFault fault)
    {
        if (fault == SimFault.Join && _ranks.Count < _settings.MaxRanks)
        {
            Join(Enumerable.Range(0, _settings.MaxRanks).First(rank => _ranks.TrueForAll(other => other.Id.Rank != rank)));
            ShowView();
        }

        if (fault == SimFault.Leave && _ranks.Count(rank => !rank.IsLeaving) > 1)
            _ranks.First(rank => !rank.IsLeaving).Leave();
        foreach (var leaver in _ranks.Where(rank => rank.IsLeaving).ToArray())
        {
            if (_random.Chance(_settings.Faults / 5) || _ranks.TrueForAll(rank => rank.IsLeaving))
                leaver.Stay(); // the others may have died
            else if (leaver.Core.IsCleared && leaver.Core.IsLeaving)
                Release(leaver);
            else if (_clock.Now % 1000 == 0)
                leaver.Core.OnAnnounce(); // as the driver does: the announcement may be lost
        }
    }

    private void Release(SimRank leaver)
    {
        Leaves++;
        Assert.True(leaver.Core.IsEmpty && leaver.Core.Waiting == 0, $"{leaver.Id} goes with requests");
        _ranks.Remove(leaver);
        ShowView();
    }

    private void Join(int rank) =>
        _ranks.Add(new SimRank(new MemberId(rank, ++_incarnations), FrontEnd, _settings, _texts, _random));

    private void ShowView() => _views.Enqueue((_clock.Now + (_random.Chance(50 * _settings.LateMessages) ? _random.Between(1, 200) : 1), ++_epoch, [.. _ranks.Select(rank => rank.Id)]));

    private void Deliver()
    {
        while (_views.TryPeek(out var view) && view.At <= _clock.Now)
        {
            _views.Dequeue();
            _frontEnd.OnView(view.Epoch, view.Members, isTerminal: false, _clock.Now);
            Apply();
        }

        foreach (var rank in _ranks)
        {
            while (rank.ToRank.TryReceive(_clock.Now, out var message))
                rank.Receive(message, _clock.Now);
            while (rank.ToFrontEnd.TryReceive(_clock.Now, out var message))
            {
                _frontEnd.OnMessage(rank.Id, message.Topic, message.Payload, _clock.Now);
                Apply();
            }
        }

        if (!_frontEnd.WantsCheck || _clock.Now < _checkAt)
            return;
        _checkAt = _clock.Now + (long)FrontEndCore.CheckPeriod.TotalMilliseconds;
        _frontEnd.OnCheckDue(_clock.Now);
        Apply();
    }

    private void Apply()
    {
        foreach (var message in _frontEnd.Outgoing.ToArray())
        {
            if (_ranks.Find(rank => rank.Id == message.Receiver) is { } rank)
                rank.ToRank.Send(_clock.Now, message);
            else
                _frontEnd.OnNotSent(message.Receiver, message.Topic, message.Payload);
        }

        _frontEnd.Outgoing.Clear();
        _frontEnd.Gone.Clear();
        _frontEnd.Taken.Clear();
        foreach (var delivery in _frontEnd.Deliveries)
        {
            if (delivery.Failure is { } failure)
            {
                // Its batch failed with it alone in it, or it was in two lost steps in a row: the simulation does that now and then.
                Assert.True(failure is ElasticEpException { Code: ElasticEpErrorCode.StepFailed or ElasticEpErrorCode.PeerLost }, failure.ToString());
                _failed.Add(delivery.Request);
                continue;
            }

            Assert.Equal(_delivered[delivery.Request].Count, delivery.Token.Position);
            CheckScores(delivery.Request, delivery.Token);
            _delivered[delivery.Request].Add(delivery.Token.Token);
        }

        _frontEnd.Deliveries.Clear();
    }

    /// <summary>The scores of the prompt come with the first token, all of them, whichever ranks have computed them.</summary>
    private static void CheckScores(GenerationRequest request, in ReleasedToken token)
    {
        var isWanted = token.Position == 0 && request.Options.PromptLogProbabilities >= 0;
        Assert.Equal(isWanted ? request.Prompt[1..].Select(static prompt => new TokenProbability(prompt, -prompt, 1)) : null, token.PromptScores?.Select(static scores => Assert.Single(scores)));
    }

    /// <summary>At most one rank computes a request under its present owner number.</summary>
    private void OneOwner()
    {
        var owners = new HashSet<long>();
        foreach (var (request, owner) in _ranks.SelectMany(rank => rank.Core.Requests))
        {
            if (_frontEnd.OwnerOf(request) == owner)
                Assert.True(owners.Add(request), $"request {request} has two owners");
        }
    }

    /// <summary>Requests of a rank that cannot be reached go to one that can.</summary>
    private void NobodyWaitsForACutRank()
    {
        foreach (var rank in _ranks.Where(rank => _clock.Now < rank.CutUntil && _clock.Now - rank.CutSince > MostStall))
        {
            // Who can be reached all the time, and is known to the front end as staying, has to be there for it.
            if (_ranks.Exists(other => other.CutUntil + MostStall < _clock.Now && !other.IsLeaving && other.StepCount > MostStall))
                Assert.DoesNotContain(_delivered.Keys, request => request.Member == rank.Id && _frontEnd.OwnerOf(request.Number) is not null);
        }
    }

    private void Check()
    {
        foreach (var (request, tokens) in _delivered)
            Assert.Equal(_texts[request.Prompt[0]].Skip(request.Prompt.Length).Take(_failed.Contains(request) ? tokens.Count : request.Options.MaxTokens), tokens);
        foreach (var rank in _ranks)
        {
            Assert.Equal((0, 0), (rank.Core.Running, rank.Core.Waiting));
            Assert.Equal((_settings.Limits.Pages, 0), (rank.Core.FreePages, rank.Model.Open));
        }
    }
}
