using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Runtime;

namespace ElasticEp.Benchmarks.Parts;

/// <summary>The core of a rank whose only peer, and whose app, answer at once.</summary>
internal sealed class LoneCore
{
    private const int EventsOfAStep = 4;

    private readonly MemberId _peer = new(0, 1);
    private readonly RankCore _core;
    private readonly CoreRecorder _recorder;
    private TimeSpan _now;

    /// <param name="recordedEvents">How many events are kept; none when zero.</param>
    public LoneCore(int recordedEvents)
    {
        var options = new ElasticEpOptions { FlightRecorderEvents = recordedEvents };
        _core = new RankCore(options, new MemberId(1, 1));
        _recorder = new CoreRecorder(_core, options);
        var view = new GroupView(1, 1, 0, [new GroupMember(0, 1, ""), new GroupMember(1, 1, "")], ExpertPlacement.Empty);
        Post(new MessageReceived(_peer, new StartMessage(view, 1, "", 0)));
    }

    /// <summary>Handles about so many events of steps.</summary>
    /// <returns>The last step.</returns>
    public int Run(int events)
    {
        for (; events > 0; events -= EventsOfAStep)
        {
            var step = _core.Member.Step;
            Post(RankEvent.CallerWaits);
            Post(RankEvent.ExchangesEnded);
            Post(RankEvent.DelegateReturned(1, step));
            Post(RankEvent.StepEnd(_peer, 1, step, hasWork: true));
        }

        return (int)_core.Member.LastCompleted;
    }

    private void Post(RankEvent e) => _recorder.Handle(e, _now += TimeSpan.FromMicroseconds(1));
}
