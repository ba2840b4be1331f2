using ElasticEp.Protocol;
using ElasticEp.Scaling;

namespace ElasticEp.Tests.Simulation;

/// <summary>The invariants, checked as things happen.</summary>
internal sealed class SimChecks(Simulation world)
{
    private readonly Dictionary<long, ulong> _durable = new() { [0] = GroupView.None.Digest };
    private readonly Dictionary<SimRank, Progress> _progress = [];
    private readonly HashSet<long> _completed = [0];
    private readonly HashSet<string> _proposed = [];
    private readonly HashSet<int> _evicted = [];
    private readonly HashSet<MemberId> _lost = []; // evicted, ever: their requests are given to others
    private int[] _before = [];

    /// <summary>The highest step whose results somebody has.</summary>
    public long MaxReleased { get; private set; }

    public int Transitions { get; private set; }

    public long Views => _durable.Count - 1;

    public void RecordChanges(GroupRecord old, GroupRecord next)
    {
        world.Trace.Note(-1, $"record: {next.View}, pending {next.Pending?.Id ?? "none"} {(next.Pending?.IsCommitted == true ? "committed" : "")}, completed {next.IsCompleted}, last {next.Requested.Kept.LastOrDefault()?.Id} {next.Requested.Kept.LastOrDefault()?.Reason}");
        Require(next.View.Epoch >= old.View.Epoch, $"epochs only grow, but {old.View} was replaced by {next.View}");
        Require(!_durable.TryGetValue(next.View.Epoch, out var digest) || digest == next.View.Digest, $"there are two views of epoch {next.View.Epoch}");
        _durable[next.View.Epoch] = next.View.Digest;
        if (next.Pending is { } proposed && old.Pending is null)
        {
            Require(_proposed.Add(proposed.Id), $"operation {proposed.Id} was proposed twice");
            Require(!world.Clients.WasRevoked(proposed.Id), $"operation {proposed.Id} begins, though its caller was told that it does not");
            _before = Ranks(old.View);
            _evicted.Clear();
        }
        else if (next.Pending is { IsCommitted: false } again && old.Pending is { } planned && !HaveSameAim(planned, again))
        {
            Require((again.Id, next.View.Epoch, again.CommittedViews) == (planned.Id, old.View.Epoch, 0), $"operation {planned.Id} was changed with {next.View}");
            world.Coverage.Replans++;
            _before = Ranks(old.View);
            _evicted.Clear();
        }

        Require(next.IsCompleted || next.View.Epoch > next.LastCompleted!.Epoch, $"{next.View} comes after {next.LastCompleted}");
        if (next.View.Epoch > old.View.Epoch && next.View.StartStep == 0)
            Require(old.IsCompleted, $"rule 3: {next.View} was committed before {old.View} was Completed");
        if (next.View.Epoch > old.View.Epoch)
            Require(next.LastCompleted is { } completed && _completed.Contains(completed.Epoch), $"{next.View} forgets the last Completed view");
        if (next.IsCompleted && _completed.Add(next.View.Epoch))
            Completed(next.View);
        Require(next.View.IsTerminal || next.View.Epoch == 0 || (next.View.Placement.Layers == 1 && next.View.Placement.FindMissing() is null), $"{next.View} is without an expert");
        if (next.View.Epoch > old.View.Epoch)
            world.Replicas.Durable(old.View, next.View);
        // Before the members change, or after.
        if (next.Pending is { CommittedViews: > 0 } staged && staged.CommittedViews > (old.Pending?.CommittedViews ?? 0) && (!staged.IsCommitted || old.Pending?.IsCommitted == true))
            world.Coverage.StagedViews++;
        if (next.View.StartStep > 0 && next.View.Epoch > old.View.Epoch && old.View.Epoch > 0)
        {
            _evicted.UnionWith(Ranks(old.View).Except(Ranks(next.View)));
            _lost.UnionWith(old.View.Members.Concat(old.Leavers).Where(member => !next.View.Contains(member.Id) && !next.Leavers.Contains(member)).Select(member => member.Id));
        }

        if (next.Requested.Kept.LastOrDefault() is { } last && old.FindOutcome(last.Id) is null)
            Require(!world.Clients.WasRevoked(last.Id), $"operation {last.Id} has ended, though its caller was told that it does not begin");
        if (next.Pending is null && old.Pending is { } ended)
        {
            var outcome = next.FindOutcome(ended.Id) ?? throw new SimulationException($"operation {ended.Id} vanished from the record");
            var isStop = ended.Kind == OperationKind.Stop && outcome.IsCompleted;
            var isReached = outcome.IsCompleted && !ended.IsCommitted && !isStop; // by losses alone
            Require(outcome.IsCompleted == ended.IsCommitted || isStop || isReached, $"operation {ended.Id} was committed and is recorded as {outcome}");
            var expected = isReached ? Targets.ResolveAgain(ended.Request, next.View, world.Settings.Options) : [.. (outcome.IsCompleted ? ended.Target.ToArray() : _before).Except(_evicted)];
            Require(Ranks(next.View).SequenceEqual(expected), $"operation {ended.Id} is half done: {next.View}");
            Require(ended.Kind == OperationKind.Repair || outcome.IsCompleted || !IsLossAlone(outcome.Reason), $"operation {ended.Id} was given up, though what it aims at is possible: {outcome.Reason}");
            if (outcome.IsCompleted && ended.Kind != OperationKind.Birth)
                Transitions++;
        }
    }

    /// <summary>The store had lost the record, and the members have brought back what they hold of it: their view under a later epoch.</summary>
    /// <param name="newest">The newest record that was ever there.</param>
    /// <param name="present">What the store has gone back to.</param>
    /// <param name="next">What is written now.</param>
    public void RecordRestored(GroupRecord newest, GroupRecord present, GroupRecord next)
    {
        var old = newest;
        if (next.View.Epoch == 0 && old.View.Epoch == 0)
        {
            _proposed.Clear(); // a birth begins anew
            RecordChanges(GroupRecord.Unborn, next);
            return;
        }

        var isUnused = world.Processes.All(process => process.Core.Member.View.Digest != old.View.Digest); // its writer did not learn that it was written, and decides anew
        Require(next.View.Epoch > old.View.Epoch || isUnused, $"{old.View} was lost, and {next.View} is no later one");
        if (old.Pending is { } lost && next.Pending?.Id != lost.Id)
            _proposed.Remove(lost.Id); // nobody who lives knows of it: its caller requests it again
        if (next.View.Epoch <= old.View.Epoch)
        {
            _durable.Remove(old.View.Epoch);
            old = present; // as if the newest had never been
        }

        _durable[next.View.Epoch] = next.View.Digest;
        foreach (var outcome in old.Requested.Kept.Where(outcome => next.FindOutcome(outcome.Id) is null))
            _proposed.Remove(outcome.Id);
        _evicted.UnionWith(Ranks(old.View).Except(Ranks(next.View)));
        _lost.UnionWith(old.View.Members.Concat(old.Leavers).Where(member => !next.View.Contains(member.Id) && !next.Leavers.Contains(member)).Select(member => member.Id));
    }

    private static bool HaveSameAim(PendingOperation a, PendingOperation b) => a.Target.SequenceEqual(b.Target) && a.Joiners.SequenceEqual(b.Joiners) && a.Leavers.SequenceEqual(b.Leavers);

    /// <summary>What does not say why the operation is impossible.</summary>
    private static bool IsLossAlone(string reason) => reason == "its coordinator was lost" || reason.EndsWith(" was evicted", StringComparison.Ordinal);

    public void Entered(SimRank rank, GroupView view)
    {
        var progress = Of(rank);
        Require(view.Epoch > progress.View.Epoch, $"rank {rank.Rank} went from {progress.View} to {view}");
        Require(_durable.TryGetValue(view.Epoch, out var digest), $"rule 3: rank {rank.Rank} uses {view}, which is not durable");
        Require(digest == view.Digest, $"rank {rank.Rank} uses another {view} than the record has");
        progress.View = view;
    }

    /// <summary>Whether the record has ever said that a view is Completed.</summary>
    public bool IsCompleted(long epoch) => _completed.Contains(epoch);

    public void Completed(GroupView view)
    {
        foreach (var member in view.Members)
        {
            if (world.Find(member.Rank) is { IsAlive: true } other && other.Identity == member)
                Require(Of(other).View.Epoch >= view.Epoch, $"{view} is Completed, but rank {other.Rank} is still in {Of(other).View}");
        }
    }

    /// <summary>Nobody can know what it completed last: that step may be run again, and its tokens are accepted once.</summary>
    public void Killed(SimRank rank) => _progress.Remove(rank);

    /// <summary>An evicted rank that does not know it yet may begin a step once more; it cannot complete it.</summary>
    public void Started(SimRank rank, long step) =>
        Require(_lost.Contains(rank.Identity.Id) || _progress.Values.All(progress => step > progress.Returned), $"rule 5: rank {rank.Rank} runs step {step} again, which was released");

    public void EndedExchanges(SimRank rank, long step) => Of(rank).Ended = step;

    public void Closed(SimRank rank, long step)
    {
        var progress = Of(rank);
        Require(progress.Completed == 0 || step == progress.Completed + 1, $"rank {rank.Rank} completed step {step} after step {progress.Completed}");
        progress.Completed = step;
        foreach (var member in progress.View.Members)
        {
            if (IsKept(member, out var other) && Of(other) is { Completed: > 0 } theirs && theirs.View.Contains(rank.Rank))
                Require(Math.Abs(theirs.Completed - step) <= 1, $"rule 1: rank {rank.Rank} completed step {step} and rank {other.Rank} is at step {theirs.Completed}");
        }
    }

    public void Applied(SimRank rank, SimFrame frame, SimAttempt? attempt)
    {
        Require(attempt is { IsStopped: false } && frame.Epoch == attempt.Epoch && frame.Step == attempt.Step, $"rule 4: rank {rank.Rank} applied {frame} in epoch {attempt?.Epoch} step {attempt?.Step}");
        Require(frame.Layer <= attempt!.Layer + 1, $"rule 4: rank {frame.Source} is more than one dispatch ahead of rank {rank.Rank}");
    }

    /// <summary>RunStepAsync returned true: the results of the step are out.</summary>
    public void Returned(SimRank rank, SimAttempt attempt)
    {
        var (progress, step) = (Of(rank), attempt.Step);
        Require(progress.Returned == 0 || step == progress.Returned + 1, $"rank {rank.Rank} returned from step {step} after step {progress.Returned}");
        Require(attempt.Error == 0, $"rank {rank.Rank} returned from step {step} with a frame missing or too many");
        progress.Returned = step;
        MaxReleased = Math.Max(MaxReleased, step);
        foreach (var member in attempt.View.Members)
        {
            if (IsKept(member, out var other))
                Require(Of(other).Ended >= step, $"rule 1: step {step} was released on rank {rank.Rank}, but rank {other.Rank} has not completed its exchanges");
        }
    }

    /// <summary>RunStepAsync returned false: the rank may go.</summary>
    public void Released(SimRank rank)
    {
        var record = world.Store.Record;
        if (record.View.IsTerminal || Of(rank).View.Epoch == 0)
            return;
        Require(record.View.Find(rank.Rank) != rank.Identity, $"rank {rank.Rank} was let go although it is a member of {record.View}");
        Require(record.Leavers.All(leaver => leaver != rank.Identity), $"rank {rank.Rank} was let go before {record.View} was Completed");
        Require(rank.HasNoRequests || _lost.Contains(rank.Identity.Id), $"rank {rank.Rank} left with requests");
    }

    /// <summary>Whether a member lives and was not evicted: one that was may have missed the end of the step that others keep.</summary>
    private bool IsKept(GroupMember member, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out SimRank? process)
    {
        process = world.Find(member.Id);
        return process is { IsAlive: true } && !_lost.Contains(member.Id);
    }

    public static void Require(bool holds, string otherwise)
    {
        if (!holds)
            throw new SimulationException(otherwise);
    }

    private static int[] Ranks(GroupView view) => [.. view.Members.Select(member => member.Rank)];

    private Progress Of(SimRank rank)
    {
        if (!_progress.TryGetValue(rank, out var progress))
            _progress[rank] = progress = new Progress();
        return progress;
    }

    private sealed class Progress
    {
        public GroupView View { get; set; } = GroupView.None;

        public long Ended { get; set; }

        public long Completed { get; set; }

        public long Returned { get; set; }
    }
}
