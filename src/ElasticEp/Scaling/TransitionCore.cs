using System.Collections.Immutable;
using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Placement;
using ElasticEp.Protocol;
using ElasticEp.Steps;

namespace ElasticEp.Scaling;

/// <summary>
/// Leads the operation under way from its request to its end. Pure. Events change facts; <see cref="Advance"/> looks at the facts and
/// decides what is next, so that nothing depends on the order in which facts arrive. It acts only while the record is known, nothing is
/// being written and no recovery runs.
/// </summary>
internal sealed partial class TransitionCore
{
    private readonly ElasticEpOptions _options;
    private readonly MemberCore _member;
    private readonly PeerCore _peers;
    private readonly RecordWriter _writer;
    private readonly StartRepeater _starts;
    private readonly StepRules _rules;
    private readonly Joiners _joiners;
    private readonly RepairPlan _repairs;
    private readonly ExpertLoadTracker _load;
    private readonly RequestQueue _requests = new();
    private readonly ViewPreparer _preparer;
    private readonly OperationReporter _reporter;
    private bool _hasFailedBirth; // with this process; who is started again tries anew
    private bool _isBirthAwaited; // the group may have members that have not registered yet
    private Operation? _interrupted; // what was under way when somebody else wrote the record
    private ImmutableArray<MemberId> _leavers = []; // of the view that is being recorded as Completed

    public TransitionCore(ElasticEpOptions options, MemberCore member, PeerCore peers, RecordWriter writer, StartRepeater starts, StepRules rules)
    {
        _options = options;
        _member = member;
        _peers = peers;
        _writer = writer;
        _starts = starts;
        _rules = rules;
        _joiners = new Joiners(member, peers);
        _repairs = new RepairPlan(options, writer, _joiners);
        _load = new ExpertLoadTracker(options, member, peers);
        _preparer = new ViewPreparer(writer, _joiners.Candidates);
        _reporter = new OperationReporter(writer, _joiners, _load, _preparer);
    }

    public Operation? Current { get; private set; }

    /// <summary>When a group that has no view yet may be brought into being.</summary>
    public TimeSpan BirthAt { get; set; }

    /// <summary>When a tick is wanted, or null.</summary>
    public TimeSpan? WakeAt => Current switch
    {
        { CanBeGivenUp: true, AbortReason: null } operation => operation.Deadline,
        null when !_isBirthAwaited => _repairs.WakeAt,
        null when _writer.IsReady => BirthAt,
        _ => null,
    };

    private GroupRecord Record => _writer.Record;

    /// <summary>Who is to be connected for the operation under way.</summary>
    public IEnumerable<GroupMember> Wanted => _joiners.Wanted(Current);

    public void OnLinkUp(MemberId peer, List<RankEffect> effects)
    {
        if (Current is not { AbortReason: null } operation)
            return;
        if (operation.Phase is OperationPhase.Preparing or OperationPhase.Draining)
            _preparer.Send(operation, peer, effects);
        else if (operation.Phase == OperationPhase.Gathering)
            _load.Request(operation, Record.View, effects);
    }

    public void OnPlanned(Planned planned, TimeSpan now, List<RankEffect> effects)
    {
        if (Current is not { Phase: OperationPhase.Planning, AbortReason: null } operation || (operation.Id, operation.PlannedFrom) != (planned.Operation, planned.BaseEpoch))
            return;
        if (planned.Plan is { } plan)
            UsePlan(operation, plan, planned.BytesLowerBound, now, effects);
        else
            operation.GiveUp($"no placement was found: {planned.Failure}");
    }

    public void OnPreparation(MemberId from, PreparationMessage report, List<RankEffect> effects)
    {
        if (Current is not { } operation || operation.Id != report.Operation)
        {
            // It has missed that the operation was rolled back, or ended without what it prepares. Only a leaver waits for Completed.
            var isLeaver = Record.FindOutcome(report.Operation) is { IsCompleted: true } && !Record.View.Contains(from);
            if (_writer.IsKnown && Record.Pending?.Id != report.Operation && !isLeaver)
                effects.Add(RankEffect.Send(from, new AbortMessage(report.Operation, "it is over")));
            return;
        }

        if (operation.Phase < OperationPhase.Preparing && report.State == PreparationState.Drained)
            effects.Add(RankEffect.Send(from, new AbortMessage(operation.Id, "it is planned again"))); // it has missed that
        if (operation.Phase is not (OperationPhase.Preparing or OperationPhase.Draining) || operation.Next is null || !operation.Participants.Contains(from))
            return;
        if (report.Failure.Length > 0)
        {
            // While a member is down it may be why, and the recovery without it has the operation planned again. It is never why somebody is in another view.
            if (report.Digest == operation.Next.Digest && (report.Refusal != PreparationRefusal.None || !Record.View.Members.Any(other => _peers.IsDown(other.Id))))
                operation.GiveUp(report.Failure);
            return;
        }

        operation.Reports[from] = report;
        _reporter.Report(operation, effects);
    }

    public void OnLoadReport(MemberId from, ExpertLoadMessage report, List<RankEffect> effects) => _load.OnReport(from, report, Current, effects);

    public void OnTick(TimeSpan now)
    {
        _repairs.OnTick(now);
        if (Current is not null && WakeAt <= now)
            Current.GiveUp($"its deadline passed while it waited for {_reporter.WaitsFor(Current)}", hasTimedOut: true);
    }

    /// <summary>Notes who has been a member: the same process never joins again.</summary>
    public void OnView(GroupView view) => _joiners.Candidates.OnView(view);

    /// <summary>The first step of a view begins here, this long after the last one of the view before was complete.</summary>
    public void OnFirstStep(TimeSpan pause)
    {
        if (Current is { Phase: OperationPhase.Committed } operation)
            operation.Figures = operation.Figures with { Pause = pause > operation.Figures.Pause ? pause : operation.Figures.Pause };
    }

    /// <summary>A recovery has made another view durable.</summary>
    public void OnRecovered(TimeSpan now, List<RankEffect> effects)
    {
        if (Current is not { } operation)
            return;
        operation.OnBaseChanged(now);
        if (operation.Phase == OperationPhase.Gathering)
            _load.Request(operation, Record.View, effects); // what was requested before the recovery may be lost with a link
        if (!Record.Evicted.IsEmpty)
            operation.Replan($"rank {string.Join(", ", Record.Evicted.Select(evicted => evicted.Rank))} was evicted");
    }

    /// <summary>
    /// Somebody else has written the record. What is under way is what it says: the operation goes on upon another view if a recovery has
    /// changed nothing else, and is taken up anew, or is over, in any other case.
    /// </summary>
    public void OnRecordChanged(TimeSpan now, List<RankEffect> effects)
    {
        if (Current is { } operation && Record.Pending is { } pending && pending.Id == operation.Id && operation.TryResume(pending, now))
        {
            OnRecovered(now, effects);
            return;
        }

        _interrupted = Current ?? _interrupted;
        Current = null;
    }

    /// <summary>This rank does not lead any more.</summary>
    public void Forget()
    {
        Current = _interrupted = null;
        _isBirthAwaited = false;
        _repairs.Forget();
        _requests.Clear();
        _load.Clear();
    }

    /// <summary>Decides what is next.</summary>
    public void Advance(TimeSpan now, List<RankEffect> effects)
    {
        Adopt(now, effects);
        if (_rules.MayComplete(_member.CompletedEpoch == Record.View.Epoch) && !Record.IsCompleted && !Record.View.IsTerminal)
        {
            CompleteView(now, effects);
            return;
        }

        while (Current is null && _writer.IsReady && _requests.TryDequeue(now, out var from, out var request))
            OnRequest(from, request, mayPropose: true, now, effects);
        if (Current is null && _writer.IsReady && _member.CompletedEpoch == Record.View.Epoch && _repairs.Find(now) is { } repair)
            Current = new Operation(repair, now, Until(repair.Request.Deadline!.Value, now));
        if (Current is not { } operation || !_writer.IsReady)
            return;
        if (operation is { Phase: <= OperationPhase.Draining, AbortReason: not null })
        {
            EndEarly(operation, now, effects);
            return;
        }

        if (operation is { Phase: <= OperationPhase.Draining, ReplanReason: { } reason })
        {
            PlanAgain(operation, reason, now, effects);
            return;
        }

        switch (operation.Phase)
        {
            case OperationPhase.Proposing:
                var own = operation.Kind == OperationKind.Birth ? Record.Own with { Kept = [] } : Record.Own; // nobody takes the outcome of a birth that has failed for that of this one
                _writer.Write(Record with { Pending = operation.Pending, Own = own }, WritePurpose.Propose, effects);
                break;
            case OperationPhase.Gathering when operation.Pending.Joiners.All(_joiners.IsGathered) && !_load.Missing(operation, Record.View).Any():
                RequestPlan(operation, now, effects);
                break;
            case OperationPhase.Preparing when operation.Next is null:
                if (_rules.MayPrepare(Record.IsCompleted) && _preparer.HasAllMembers(operation))
                    _preparer.Begin(operation, effects);
                break;
            case OperationPhase.Preparing when ViewPreparer.IsReady(operation):
                operation.Figures = operation.Figures with { Transfer = operation.Figures.Transfer + now - operation.Since, BytesMoved = operation.BytesMoved };
                EnterPhase(operation, OperationPhase.Draining, now, effects);
                _preparer.SendDrain(operation, effects);
                Advance(now, effects);
                break;
            case OperationPhase.Draining when operation.Next!.Epoch != Record.View.Epoch + 1 || !_rules.MayPrepare(Record.IsCompleted):
                operation.OnBaseChanged(now); // it was made for another view
                break;
            case OperationPhase.Draining when _preparer.IsDrained(operation):
                Commit(operation, now, effects);
                break;
        }
    }

    /// <summary>What was written is durable.</summary>
    public void OnWritten(WritePurpose purpose, TimeSpan now, List<RankEffect> effects)
    {
        if (purpose is WritePurpose.Complete or WritePurpose.Finish && Record.IsCompleted)
            ReleaseLeavers(effects);
        switch (purpose)
        {
            case WritePurpose.Propose when Current is { } operation:
                OnProposed(operation, now, effects);
                break;
            case WritePurpose.Commit when Current is { } operation:
                OnCommitted(operation, now, effects);
                break;
            case WritePurpose.Complete when Current is { Phase: OperationPhase.Advancing } operation:
                if (operation.AbortReason is not null)
                    EndEarly(operation, now, effects);
                else if (operation.ReplanReason is { } reason)
                    PlanAgain(operation, reason, now, effects);
                else
                    PrepareNextView(operation, now, effects);
                break;
            case WritePurpose.Finish when Current is { } operation:
                OnFinished(operation, now, effects);
                break;
        }
    }

    /// <summary>The end of a wait that may be endless; null when it is.</summary>
    private static TimeSpan? Until(TimeSpan wait, TimeSpan now) => wait < TimeSpan.MaxValue - now ? now + wait : null;

    private void OnProposed(Operation operation, TimeSpan now, List<RankEffect> effects)
    {
        EnterPhase(operation, OperationPhase.Gathering, now, effects);
        _joiners.StartWatching(effects);
        _load.Request(operation, Record.View, effects);
    }

    private void RequestPlan(Operation operation, TimeSpan now, List<RankEffect> effects)
    {
        operation.Figures = operation.Figures with { Launch = now - operation.Since };
        EnterPhase(operation, OperationPhase.Planning, now, effects);
        if (operation.Kind == OperationKind.Stop)
        {
            UsePlan(operation, new PlacementPlan(ExpertPlacement.Empty, [], 0), 0, now, effects);
            Advance(now, effects);
            return;
        }

        operation.PlannedFrom = Record.View.Epoch;
        effects.Add(new Plan(operation.Id, new PlanInquiry(Record.View, [.. _preparer.MembersOf(operation.Pending.Target)], _load.Read()) { Standbys = [.. _joiners.Held(operation)] }));
    }

    private void UsePlan(Operation operation, PlacementPlan plan, long lowerBound, TimeSpan now, List<RankEffect> effects)
    {
        operation.Plan = new PlanCursor(plan, operation.Pending.Target, !operation.Pending.Joiners.IsEmpty || !operation.Pending.Leavers.IsEmpty);
        operation.Figures = operation.Figures with { BytesLowerBound = lowerBound };
        EnterPhase(operation, OperationPhase.Preparing, now, effects);
    }

    private void EnterPhase(Operation operation, OperationPhase phase, TimeSpan now, List<RankEffect> effects)
    {
        operation.EnterPhase(phase, now);
        _reporter.Report(operation, effects);
    }
}
