using System.Collections.Immutable;
using ElasticEp.Events;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>
/// When the group repairs itself, and how: processes that have registered take the places of members that were lost, and experts get back
/// the copies that they have lost. Traffic flows meanwhile, and what anybody asks for goes first.
/// </summary>
internal sealed class RepairPlan(ElasticEpOptions options, RecordWriter writer, Joiners joiners)
{
    private static readonly BackOff AfterFailures = new(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));

    /// <summary>
    /// How long processes are waited for that may be about to take the places of lost members: one repair instead of two. Longer than the launcher
    /// waits for the others to recover, and a process takes to start.
    /// </summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private int _failures; // in a row
    private bool _hadReplacements; // the last one that failed
    private TimeSpan _notBefore;
    private (long Epoch, TimeSpan Since) _short; // the view that has too few members, and since when that is known

    /// <summary>When a repair that has failed is tried again, or null.</summary>
    public TimeSpan? WakeAt { get; private set; }

    private GroupRecord Record => writer.Record;

    /// <summary>Whoever looks next finds it due; when that is, other events say.</summary>
    public void OnTick(TimeSpan now) => WakeAt = WakeAt <= now ? null : WakeAt;

    /// <summary>The operation to begin, or null.</summary>
    public PendingOperation? Find(TimeSpan now)
    {
        WakeAt = null;
        if (Record is not { Pending: null, IsCompleted: true, View: { Epoch: > 0, IsTerminal: false } })
            return null;
        var replacements = Replacements();
        if (replacements.IsEmpty && !Record.IsDamaged)
            return null;
        if (now < _notBefore && (replacements.IsEmpty || _hadReplacements))
        {
            WakeAt = _notBefore;
            return null;
        }

        if (!_hadReplacements && IsToWait(replacements.Length, now))
            return null;

        // A process that cannot join must not keep the others from making their copies again.
        if (Record.IsDamaged && _hadReplacements)
            replacements = [];
        ImmutableArray<int> target = [.. Record.View.Members.Select(member => member.Rank).Concat(replacements).Order()];
        var id = $"{OperationRequest.OwnPrefix}repair-{Record.View.Epoch}-{Record.Own.Count}";
        return new PendingOperation(new OperationRequest(id, OperationKind.Repair) { Deadline = options.OperationDeadline, DrainTime = TimeSpan.Zero }, target, replacements, []);
    }

    /// <summary>A repair has ended by itself.</summary>
    public void OnEnded(Operation repair, TimeSpan now)
    {
        var isCompleted = repair.Phase == OperationPhase.Completing;
        _failures = isCompleted ? 0 : _failures + 1;
        _hadReplacements = !isCompleted && !repair.Pending.Joiners.IsEmpty;
        _notBefore = isCompleted ? TimeSpan.Zero : now + AfterFailures.After(_failures);
    }

    /// <summary>This rank does not lead any more.</summary>
    public void Forget() => (_failures, _hadReplacements, _notBefore, _short, WakeAt) = (0, false, TimeSpan.Zero, default, null);

    private bool IsToWait(int replacements, TimeSpan now)
    {
        if (Record.View.Members.Length + replacements >= Record.Wanted)
            return false;
        if (_short.Epoch != Record.View.Epoch)
            _short = (Record.View.Epoch, now);
        if (now >= _short.Since + Patience)
            return false;
        WakeAt = _short.Since + Patience;
        return true;
    }

    /// <summary>Processes that hold weights go first.</summary>
    private ImmutableArray<int> Replacements() =>
    [
        .. Enumerable.Range(0, options.MaxRanks)
            .Where(rank => !Record.View.Contains(rank) && joiners.IsGathered(rank))
            .OrderBy(rank => joiners.Candidates.FindState(rank) is { HasDense: true } ? 0 : 1)
            .Take(Math.Max(0, Record.Wanted - Record.View.Members.Length)).Order(),
    ];
}
