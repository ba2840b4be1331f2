using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Transport;

namespace ElasticEp.Runtime;

/// <summary>The connections of a process that holds no rank: PeerCore decides about them as it does for ranks. One lock; effects run outside of it.</summary>
internal sealed class ClientPeers : IDisposable
{
    private readonly Lock _lock = new();
    private readonly PeerCore _core;
    private readonly GroupWatch _watch;
    private readonly PeerDialer _dialer;
    private readonly ITransport _transport;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly ITimer _alive;
    private readonly MemberId _self;
    private readonly long _startedAt;
    private GroupRecord _record = GroupRecord.Unborn;

    public ClientPeers(GroupServices services, MemberId self, CancellationToken stopped)
    {
        _transport = services.Transport;
        _time = services.Time;
        _self = self;
        _startedAt = services.Time.GetTimestamp();
        _core = new PeerCore(services.Options);
        _watch = new GroupWatch(services.Options, _core);
        _dialer = new PeerDialer(services.Transport, services.Options.ConnectDeadline, services.Time, OnDialEnded, stopped);
        _alive = services.Time.CreateTimer(static state => ((ClientPeers)state!).Watch((watch, now) => watch.OnAlive(now)), this, services.Options.HeartbeatInterval, services.Options.HeartbeatInterval);
        _timer = services.Time.CreateTimer(static state => ((ClientPeers)state!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>How the group and its ranks are now.</summary>
    public GroupStatus Read()
    {
        lock (_lock)
        {
            var now = Now;
            _watch.OnAlive(now);
            return _watch.Read(now, _time.GetUtcNow());
        }
    }

    /// <summary>What the client learns beside its connections.</summary>
    public void Watch(Action<GroupWatch, TimeSpan> change)
    {
        lock (_lock)
            change(_watch, Now);
    }

    public void OnBeat(MemberId peer, in FrameHeader beat, string trouble)
    {
        lock (_lock)
        {
            _core.OnBeat(peer, ControlFrames.LagOf(beat), Now);
            _watch.OnBeat(peer, beat.Step, (RankActivity)beat.Flags, trouble, Now);
        }
    }

    /// <summary>A record: whoever it needs is to be connected, and who was needed and is not any more is said goodbye to.</summary>
    /// <returns>Whether it is believed.</returns>
    public bool OnRecord(GroupRecord record)
    {
        MemberId[] gone = [];
        var isBelieved = false;
        Change((now, effects) =>
        {
            if (!_watch.Believes(record))
                return;
            isBelieved = true;
            _watch.OnRecord(record, now);
            gone = [.. Needed(_record).Select(member => member.Id).Where(member => !record.Needs(member))];
            _record = record;
            _core.Want(_self, GroupView.None, Needed(record), now, effects);
            foreach (var member in gone)
                _core.OnDismissed(member);
        });
        foreach (var member in gone)
            _dialer.Disconnect(member);
        return isBelieved;
    }

    public void OnConnected(MemberId peer) => Change((now, _) => _core.OnUp(peer, now));

    public void OnDisconnected(MemberId peer, DisconnectReason reason, string detail) =>
        Change((now, effects) => _core.OnDown(new LinkLost(peer, reason, detail), now, effects));

    public void Dispose()
    {
        _timer.Dispose();
        _alive.Dispose();
    }

    private static IEnumerable<GroupMember> Needed(GroupRecord record) => record.View.Members.Concat(record.Leavers);

    private TimeSpan Now => _time.GetElapsedTime(_startedAt);

    private void OnDialEnded(ControlEvent e) => Change((now, effects) => _core.OnDialEnded((DialEnded)e, now, effects));

    private void OnTimer() => Change((now, effects) => _core.OnTick(TimeSpan.Zero, now, effects));

    private void Change(Action<TimeSpan, List<RankEffect>> change)
    {
        var effects = new List<RankEffect>();
        lock (_lock)
        {
            var now = Now;
            change(now, effects);
            _core.TakeLosses(); // the members find out for themselves, and the record says what became of it
            if (_core.WakeAt is { } at)
                _timer.Change(at > now ? at - now : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }

        foreach (var effect in effects)
        {
            if (effect.Control is Dial dial)
                _dialer.Dial(dial.Peer);
            else if (effect.Control is AbortLink abort)
                _transport.Abort(abort.Peer, abort.Reason, abort.Detail);
        }
    }
}
