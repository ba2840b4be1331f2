using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;

namespace ElasticEp.Runtime;

/// <summary>
/// What a client makes of what it sees: the record, its connections, the heartbeats. Pure, like all cores: (state, event, now) → state;
/// nothing follows from it but what people and probes are told. Calls must not overlap.
/// </summary>
/// <param name="options">Deadlines.</param>
/// <param name="peers">The client's connections.</param>
internal sealed class GroupWatch(ElasticEpOptions options, PeerCore peers)
{
    private readonly Dictionary<MemberId, Beat> _beats = [];
    private readonly Dictionary<MemberId, RankRegistered> _registered = [];
    private readonly Dictionary<(int Rank, long Incarnation), (RankCondition Condition, TimeSpan Since)> _shown = [];
    private readonly Dictionary<int, long> _past = []; // rank → highest incarnation that was a member
    private GroupRecord _record = GroupRecord.Unborn;
    private string? _unreadable;
    private TimeSpan _unreadableSince;
    private TimeSpan _completedAt; // when a step was complete that was not before
    private TimeSpan _movedAt; // the same, or when there was work again
    private TimeSpan _viewSince;
    private TimeSpan? _aliveAt;
    private TimeSpan _lateAt; // what this process has not heard before says nothing

    /// <summary>
    /// Whether a record is to be believed. An older one is not while members of the view that is known can be reached: the store has lost
    /// theirs, and they write it again. When nobody is there any more, it is of a group that was born anew.
    /// </summary>
    public bool Believes(GroupRecord record) => record.View.Epoch >= _record.View.Epoch || !_record.View.Members.Any(member => peers.IsConnected(member.Id));

    public void OnRecord(GroupRecord record, TimeSpan now)
    {
        if (record.View.Epoch != _record.View.Epoch)
            _viewSince = now;
        if (_record.View.Epoch == 0)
            _movedAt = now;
        (_record, _unreadable) = (record, null);
        foreach (var member in record.View.Members)
            _past[member.Rank] = Math.Max(member.Incarnation, _past.GetValueOrDefault(member.Rank));
        foreach (var gone in _beats.Keys.Where(member => !record.View.Contains(member)).ToArray())
            _beats.Remove(gone);
        Ranks(now);
    }

    /// <summary>The store holds a record that cannot be read.</summary>
    public void OnUnreadable(string reason, TimeSpan now)
    {
        if (_unreadable is null)
            _unreadableSince = now;
        _unreadable = reason;
    }

    public void OnRegistered(RankRegistered registered) => _registered[registered.Member.Id] = registered;

    /// <summary>The newest process of a rank with this process id, if it has registered.</summary>
    public MemberId? FindProcess(int rank, int processId) => _registered
        .Where(found => found.Key.Rank == rank && found.Value.ProcessId == processId)
        .Select(found => (MemberId?)found.Key).MaxBy(found => found!.Value.Incarnation);

    /// <summary>A lease may be lost with the store, and its process lives on: that of a member is kept.</summary>
    public void OnUnregistered(MemberId member)
    {
        if (!_record.View.Contains(member))
            _registered.Remove(member);
    }

    /// <summary>Called with every heartbeat interval, and before anybody is told anything: who was late itself, stopped or without a processor, begins to listen anew.</summary>
    public void OnAlive(TimeSpan now)
    {
        if (now - _aliveAt > options.HeartbeatInterval * 2)
            (_lateAt, _movedAt) = (now, now);
        _aliveAt = now;
    }

    public void OnBeat(MemberId from, long step, RankActivity activity, string trouble, TimeSpan now)
    {
        if (!_record.View.Contains(from))
            return;
        var before = _beats.GetValueOrDefault(from);
        if (step > before.Step)
            (_completedAt, _movedAt) = (now, now); // of each by itself: nobody who claims too much stands for the others
        var hasLoaded = before.Activity.HasFlag(RankActivity.IsReloading) && !activity.HasFlag(RankActivity.IsReloading);
        if (hasLoaded || (HasStep(activity) && !HasStep(before.Activity) && !HasWork))
            _movedAt = now; // nobody had work until now, or could do any
        _beats[from] = new Beat(step, activity, before.Activity == activity ? before.Since : now, trouble);
        if (_shown.TryGetValue((from.Rank, from.Incarnation), out var shown) && shown.Condition != RankCondition.Serving)
            Ranks(now); // it is back
    }

    /// <param name="now">The time on the scale of the events.</param>
    /// <param name="utcNow">The same by the clock.</param>
    public GroupStatus Read(TimeSpan now, DateTimeOffset utcNow)
    {
        var ranks = Ranks(now);
        var all = ranks.Select(rank => new RankState(rank.Rank, rank.Condition, At(rank.Since), rank.Reason) { Member = rank.Member, ProcessId = ProcessIdOf(rank.Member) }).ToLookup(rank => rank.Condition == RankCondition.Standby);
        var view = _record.View;
        var obstacle = Obstacle(ranks, now);
        var unwell = ranks.Where(rank => rank.Condition is RankCondition.Suspected or RankCondition.Lost).ToArray();
        if (view.IsTerminal)
            return Status("ended", false, _viewSince, "the group has ended");
        if (_unreadable is not null && view.Epoch == 0)
            return Status("unreadable", false, _unreadableSince, $"the group's record cannot be read: {_unreadable}");
        if (view.Epoch == 0 && _registered.Values.Where(found => found.Epoch > 0).MaxBy(found => found.Epoch) is { } held)
            return Status("restoring", false, TimeSpan.Zero, $"the store has lost the group's record; rank {held.Member.Rank} is in view {held.Epoch}, and the members bring it back");
        if (view.Epoch == 0)
            return Status("forming", false, TimeSpan.Zero, $"the group has no view yet{(_record is { Pending: null, Own.Kept: [.., { IsCompleted: false } failed] } ? $"; the last attempt failed: {failed.Reason}. Start the first ranks again when the cause is gone" : "")}");
        if (obstacle is { } found)
            return Status("waiting", false, found.Since, found.Reason);
        var repairing = ranks.FindAll(rank => rank.Condition == RankCondition.Repairing);
        if (repairing.Count > 0 && options.LostExperts == LostExpertsPolicy.Wait)
            return Status("repairing", now - repairing[0].Since < options.StallTime, repairing.Min(rank => rank.Since), $"rank {string.Join(", ", repairing.Select(rank => rank.Rank))} loads experts again whose last copies were lost; steps go on when they are here{Troubles(repairing)}");
        if (HasWork && now - _movedAt >= options.StallTime)
            return Status("stalled", false, _movedAt, $"there is work, and no step was completed for {(now - _movedAt).TotalSeconds:0.0} s; {Suspects(unwell)}");
        if (repairing.Count > 0)
            return Status("repairing", true, repairing.Min(rank => rank.Since), $"rank {string.Join(", ", repairing.Select(rank => rank.Rank))} loads experts again whose last copies were lost; requests that need them fail until they are here, and no view changes{Troubles(repairing)}");
        if (_unreadable is not null)
            return Status("degraded", true, _unreadableSince, $"{view} serves, but cannot change: the group's record cannot be read: {_unreadable}");
        return unwell.Length > 0
            ? Status("degraded", true, unwell.Min(rank => rank.Since), $"{view}: {Suspects(unwell)}")
            : Status("serving", true, _viewSince, view.ToString());

        GroupStatus Status(string phase, bool isReady, TimeSpan since, string detail) =>
            new(phase, isReady, At(since), detail, [.. all[false]]) { Refusal = Refusal(obstacle), Standbys = [.. all[true]] };

        DateTimeOffset At(TimeSpan since) => utcNow - (now - since);
    }

    private ElasticEpException? Refusal((TimeSpan Since, int Rank, string Reason)? obstacle) => obstacle is { } found
        ? new ElasticEpException(ElasticEpErrorCode.GroupWaits, $"No view can change: {found.Reason}.") { Rank = found.Rank, Epoch = _record.View.Epoch }
        : _unreadable is null ? null : new ElasticEpException(ElasticEpErrorCode.StoreUnavailable, $"No view can change: the group's record cannot be read: {_unreadable}");

    private bool HasWork => _beats.Values.Any(beat => HasStep(beat.Activity));

    private static bool HasStep(RankActivity activity) => activity.HasFlag(RankActivity.HasStep);

    private string Troubles(List<RankNow> ranks) => string.Concat(ranks
        .Select(rank => (rank.Rank, _beats.GetValueOrDefault(rank.Member!.Id).Trouble))
        .Where(rank => rank.Trouble is { Length: > 0 })
        .Select(rank => $"; rank {rank.Rank}: {rank.Trouble}"));

    private int? ProcessIdOf(GroupMember? member) => member is not null && _registered.TryGetValue(member.Id, out var found) ? found.ProcessId : null;

    private string Suspects(RankNow[] unwell)
    {
        if (unwell.Length > 0)
            return string.Join("; ", unwell.Select(rank => $"rank {rank.Rank} is {rank.Condition.ToString().ToLowerInvariant()}: {rank.Reason}"));
        var recovering = _beats.Where(beat => beat.Value.Activity.HasFlag(RankActivity.IsRecovering)).Select(beat => beat.Key.Rank).Order().ToArray();
        return recovering.Length > 0 ? $"rank {string.Join(", ", recovering)} is to run a step again" : "no rank is suspected";
    }

    /// <summary>
    /// The others cannot go on without who is lost. It counts when they stand still; a rank that only this process does not reach holds nobody up, and
    /// while there is no work that shows by nobody's recovering.
    /// </summary>
    private (TimeSpan Since, int Rank, string Reason)? Obstacle(IReadOnlyList<RankNow> ranks, TimeSpan now)
    {
        var lost = ranks.Where(rank => rank.Condition == RankCondition.Lost).ToArray();
        if (lost.Length == 0 || GroupObstacle.Find(_record.View, [.. lost.Select(rank => rank.Rank)], options) is not { } missing)
            return null;
        var since = lost.Max(rank => rank.Since);
        var isRecovering = _beats.Any(beat => beat.Value.Activity.HasFlag(RankActivity.IsRecovering));
        var getsOn = _completedAt > since && now - _completedAt < options.StallTime;
        var serving = ranks.Where(rank => rank.Condition == RankCondition.Serving).Select(rank => _beats.TryGetValue(rank.Member!.Id, out var beat) ? beat.Activity : RankActivity.HasStep).ToArray();
        var isIdle = serving.Length > 0 && !serving.Any(HasStep);
        if (!isRecovering && (getsOn || isIdle || now - since < peers.SilenceTime))
            return null;
        return (since, lost[0].Rank, $"rank {string.Join(", ", lost.Select(rank => rank.Rank))} is lost ({lost[0].Reason}), {missing}: the group waits until it is back");
    }

    private List<RankNow> Ranks(TimeSpan now)
    {
        var ranks = new List<RankNow>();
        var pending = _record.Pending;
        foreach (var member in _record.View.Members)
            ranks.Add(Describe(member, pending is { IsCommitted: false } && pending.Leavers.Contains(member.Rank), now));
        foreach (var leaver in _record.Leavers.Where(leaver => !_record.View.Contains(leaver.Rank)))
            ranks.Add(new RankNow(leaver.Rank, leaver, RankCondition.Leaving, now, "its last step is not complete on every rank"));
        foreach (var joiner in (pending?.Joiners ?? []).Where(joiner => ranks.TrueForAll(rank => rank.Rank != joiner)))
        {
            var process = _registered.Values.Select(found => found.Member).Where(member => member.Rank == joiner).MaxBy(member => member.Incarnation);
            ranks.Add(new RankNow(joiner, process, RankCondition.Joining, now, process is null ? "it has not registered yet" : "it is being prepared"));
        }

        foreach (var (process, _, _, standby) in _registered.Values.Where(IsStandby).ToArray())
        {
            if (ranks.TrueForAll(rank => rank.Rank != process.Rank))
                ranks.Add(new RankNow(process.Rank, process, RankCondition.Standby, now, standby!.ToString()));
        }

        for (var i = 0; i < ranks.Count; i++)
            ranks[i] = WithSince(ranks[i]);
        foreach (var gone in _shown.Keys.Where(known => ranks.TrueForAll(rank => rank.Key != known)).ToArray())
            _shown.Remove(gone);
        ranks.Sort((one, other) => one.Rank.CompareTo(other.Rank));
        return ranks;
    }

    /// <summary>The newest process of its rank, and none that has been a member: what that registered once may be there still.</summary>
    private bool IsStandby(RankRegistered found) => found is { Epoch: 0, Standby: not null } && found.Member.Incarnation > _past.GetValueOrDefault(found.Member.Rank)
        && _registered.Keys.All(other => other.Rank != found.Member.Rank || other.Incarnation <= found.Member.Incarnation);

    private RankNow Describe(GroupMember member, bool isLeaving, TimeSpan now)
    {
        var state = peers.StateOf(member.Id, _lateAt, now);
        if (state.IsLost)
            return new RankNow(member.Rank, member, RankCondition.Lost, state.Since, state.Detail);
        if (state.IsSuspected)
            return new RankNow(member.Rank, member, RankCondition.Suspected, state.Since, state.Detail);
        if (_beats.TryGetValue(member.Id, out var beat) && beat.Activity.HasFlag(RankActivity.IsStopping) && now - beat.Since >= peers.SilenceTime)
            return new RankNow(member.Rank, member, RankCondition.Suspected, beat.Since, $"it was told to stop its step {(now - beat.Since).TotalSeconds:0.0} s ago, and {(beat.Trouble.Length > 0 ? beat.Trouble : "its delegate has not ended")}");
        if (_record.Reloading.Contains(member.Rank) && (!_beats.TryGetValue(member.Id, out var loading) || loading.Activity.HasFlag(RankActivity.IsReloading)))
            return new RankNow(member.Rank, member, RankCondition.Repairing, now, $"it loads experts from the workload's source, because their last copies were lost{(loading.Trouble is { Length: > 0 } trouble ? $": {trouble}" : "")}");
        return isLeaving
            ? new RankNow(member.Rank, member, RankCondition.Leaving, now, "an operation removes it")
            : new RankNow(member.Rank, member, RankCondition.Serving, now, "");
    }

    /// <summary>What lasts began when it was seen first; of who is suspected or lost it is known better.</summary>
    private RankNow WithSince(in RankNow rank)
    {
        if (!_shown.TryGetValue(rank.Key, out var before) || before.Condition != rank.Condition)
            _shown[rank.Key] = before = (rank.Condition, rank.Since);
        return rank with { Since = before.Since };
    }

    private readonly record struct Beat(long Step, RankActivity Activity, TimeSpan Since, string Trouble);

    private readonly record struct RankNow(int Rank, GroupMember? Member, RankCondition Condition, TimeSpan Since, string Reason)
    {
        public (int Rank, long Incarnation) Key => (Rank, Member?.Incarnation ?? 0);
    }
}
