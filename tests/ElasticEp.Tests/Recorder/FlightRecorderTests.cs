using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Recorder;
using ElasticEp.Runtime;
using ElasticEp.Tests.Exchange;
using ElasticEp.Tests.Membership;

namespace ElasticEp.Tests.Recorder;

/// <summary>What the recorder keeps, and what it costs. Alone in the process: other tests allocate.</summary>
[Collection(nameof(AllocationTests.Alone))]
public sealed class FlightRecorderTests(ITestOutputHelper output)
{
    [Fact]
    public void It_keeps_the_last_events_and_of_those_before_the_rare_ones()
    {
        var recorder = new FlightRecorder(20);
        Record(recorder, new LinkUp(TestViews.Id(1)), new BeatReceived(TestViews.Id(1)), new FetchProgress("op1", 5, 6, 7), new LinkUp(TestViews.Id(2)), new LinkUp(TestViews.Id(3)));
        for (var step = 0; step < 25; step++)
            Record(recorder, RankEvent.ExchangesEnded);
        Assert.Equal([3, 4, .. Enumerable.Range(10, 20)], recorder.Copy().Select(e => (int)e.Number));
        Assert.Equal(["LinkUp", "LinkUp", "ExchangesEnded"], recorder.Copy().Select(e => e.Event.Name).Take(3));
    }

    [Fact]
    public void What_came_of_an_event_is_kept_with_it_and_of_one_that_threw_nothing()
    {
        var recorder = new FlightRecorder(2);
        recorder.Begin(RankEvent.WorkNotified, TimeSpan.FromSeconds(1));
        recorder.End(2, 3);
        recorder.Begin(RankEvent.CallerWaits, TimeSpan.FromSeconds(4));
        var events = recorder.Copy();
        Assert.Equal((TimeSpan.FromSeconds(1), 2UL, 3UL), (events[0].Now, events[0].Effects, events[0].Fingerprint));
        Assert.Equal((TimeSpan.FromSeconds(4), 0UL, 0UL), (events[1].Now, events[1].Effects, events[1].Fingerprint));
    }

    [Fact]
    public void What_its_events_hold_on_to_is_bounded()
    {
        const int Megabyte = 1 << 20;
        var recorder = new FlightRecorder(100);
        for (var i = 0; i < 100; i++)
            Record(recorder, new MessageReceived(TestViews.Id(1), new ExpertLoadMessage(i, new long[Megabyte / sizeof(long)])));
        Assert.Equal(Enumerable.Range(69, 31), recorder.Copy().Select(e => (int)e.Number));
        for (var i = 0; i < 100; i++)
            Record(recorder, RankEvent.WorkNotified); // the large ones fall out, and ten of them are kept beside
        Assert.Equal([.. Enumerable.Range(90, 10), .. Enumerable.Range(100, 100)], recorder.Copy().Select(e => (int)e.Number));
        Record(recorder, new MessageReceived(TestViews.Id(1), new ExpertLoadMessage(0, new long[40 * Megabyte / sizeof(long)])));
        Assert.Equal([200], recorder.Copy().Select(e => (int)e.Number)); // one event is always kept
    }

    [Fact]
    public void Of_an_exception_only_its_type_and_message_are_kept()
    {
        var recorder = new FlightRecorder(2);
        var thrown = new InvalidOperationException("poison");
        Record(recorder, RankEvent.DelegateReturned(1, 2, thrown, isOwn: true));
        var e = recorder.Copy()[0].Event;
        Assert.Equal("InvalidOperationException: poison", Assert.IsType<RecordedFailure>(e.Failure).ToString());
        Assert.Equal((1, 2, true), (e.Epoch, e.Step, e.IsOwnFailure));
    }

    [Fact]
    public void Steps_that_are_recorded_allocate_nothing_once_the_ring_is_full()
    {
        const int Steps = 500;
        var (recorded, plain) = (new LoneCore(Steps), new LoneCore(0));
        var (least, recordedTime, plainTime) = (long.MaxValue, TimeSpan.MaxValue, TimeSpan.MaxValue); // what is compiled again meanwhile allocates
        for (var round = 0; round < 200; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            recordedTime = Least(recordedTime, recorded, Steps);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            plainTime = Least(plainTime, plain, Steps);
        }

        output.WriteLine($"an event: {recordedTime.TotalNanoseconds / (4 * Steps):0} ns recorded, {plainTime.TotalNanoseconds / (4 * Steps):0} ns not");
        Assert.Equal(200 * Steps, recorded.Completed);
        Assert.Equal(0, least);
    }

    private static TimeSpan Least(TimeSpan known, LoneCore rank, int steps)
    {
        var startedAt = TimeProvider.System.GetTimestamp();
        rank.Run(steps);
        var time = TimeProvider.System.GetElapsedTime(startedAt);
        return time < known ? time : known;
    }

    private static void Record(FlightRecorder recorder, params ReadOnlySpan<RankEvent> events)
    {
        foreach (var e in events)
        {
            recorder.Begin(e, TimeSpan.Zero);
            recorder.End(0, 1);
        }
    }

    /// <summary>A core whose peer and app answer at once.</summary>
    private sealed class LoneCore
    {
        private readonly MemberId _peer = TestViews.Id(0); // made of texts
        private readonly RankCore _core;
        private readonly CoreRecorder _recorder;
        private TimeSpan _now;

        public long Completed => _core.Member.LastCompleted;

        public LoneCore(int recorded)
        {
            var options = new ElasticEpOptions { FlightRecorderEvents = recorded, LoadWindow = 1_000_000 };
            _core = new RankCore(options, TestViews.Id(1));
            _recorder = new CoreRecorder(_core, options);
            Post(new MessageReceived(_peer, new StartMessage(TestViews.Started(1, 1, 0, 1), 1, "", 0)));
        }

        public void Run(int steps)
        {
            for (; steps > 0; steps--)
            {
                var step = _core.Member.Step;
                Post(RankEvent.CallerWaits);
                Post(RankEvent.ExchangesEnded);
                Post(RankEvent.DelegateReturned(1, step));
                Post(RankEvent.StepEnd(_peer, 1, step, hasWork: true));
            }
        }

        private void Post(RankEvent e) => _recorder.Handle(e, _now += TimeSpan.FromMicroseconds(1));
    }
}
