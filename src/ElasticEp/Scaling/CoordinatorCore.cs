using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Steps;

namespace ElasticEp.Scaling;

/// <summary>
/// What a rank does when it leads: composes the writer of the record, recoveries and transitions, and says which of them may act. Pure.
/// A recovery goes before a transition; neither decides anything while a request to the store is under way or the record is not known.
/// </summary>
internal sealed partial class CoordinatorCore
{
    private readonly MemberCore _member;
    private readonly RecordWriter _writer = new();
    private readonly StartRepeater _starts;
    private readonly RecoveryCore _recovery;
    private readonly TransitionCore _transition;
    private readonly HashSet<MemberId> _arrived = []; // connected since the record was known last
    private bool _isTakingOver;

    public CoordinatorCore(ElasticEpOptions options, MemberCore member, PeerCore peers, StepRules rules)
    {
        _member = member;
        _starts = new StartRepeater(member);
        _recovery = new RecoveryCore(options, member, peers, _writer, _starts, rules);
        _transition = new TransitionCore(options, member, peers, _writer, _starts, rules);
    }

    /// <summary>Whether this rank leads: it coordinates the view in use, or leads a recovery.</summary>
    public bool IsActive { get; private set; }

    public Operation? Operation => _transition.Current;

    public Recovery? Recovery => _recovery.Current;

    public GroupRecord Record => _writer.Record;

    /// <summary>This process was late itself.</summary>
    public void Excuse(TimeSpan late) => _recovery.Excuse(late);

    /// <summary>Whom leading needs to be connected to, beside the members of the view in use.</summary>
    public IEnumerable<GroupMember> Wanted => !IsActive ? [] : _recovery.Wanted
        .Concat(_writer.IsKnown && !Record.IsCompleted ? Record.View.Members.Concat(Record.Leavers) : [])
        .Concat(_transition.Wanted);

    /// <summary>When a tick is wanted, or null.</summary>
    public TimeSpan? WakeAt => IsActive ? Earliest.Of(_recovery.WakeAt ?? _transition.WakeAt, _writer.WakeAt) : null;

    /// <summary>Notes who has been a member: the same process never joins again.</summary>
    public void Remember(GroupView view) => _transition.OnView(view);

    public void OnEntered(EnterView entered, TimeSpan now, List<RankEffect> effects)
    {
        var view = entered.View;
        Remember(view);
        ForgetSeen(view);
        if (IsActive)
            _transition.OnEntered(view, entered.FirstStep, effects);
        _recovery.OnEntered(view);
        if (Coordinates(view) && (!IsActive || Record.View.Epoch < view.Epoch))
            TakeOver();
        else if (!Coordinates(view) && Recovery is null)
            StandDown();
        Advance(now, effects);
    }

    /// <summary>The first step of a view begins here, this long after the last one of the view before was complete.</summary>
    public void OnFirstStep(TimeSpan pause) => _transition.OnFirstStep(pause);

    /// <summary>A step of a view is complete everywhere.</summary>
    public void OnStepCompleted(long epoch, TimeSpan now, List<RankEffect> effects) => _recovery.OnStepCompleted(epoch, now, effects);

    /// <summary>The view in use is Completed.</summary>
    public void OnViewCompleted(TimeSpan now, List<RankEffect> effects) => Advance(now, effects);

    public void Handle(ControlEvent e, TimeSpan now, List<RankEffect> effects)
    {
        switch (e)
        {
            case BirthRequested birth:
                IsActive = true;
                _transition.BirthAt = now + birth.Patience;
                break;
            case RecordRead read:
                var news = _writer.OnRead(read, _member.View.Epoch, effects, out var confirmed);
                if (news == RecordNews.Lost && IsActive)
                    Restore(read.Version, now, effects);
                else
                    OnNews(news, confirmed, now, effects);
                break;
            case RegistrationLost or StoreIsBack when IsActive:
                _writer.Doubt(); // the record may be lost
                break;
            case RecordWritten answer:
                OnNews(_writer.OnWritten(answer, out var written), written, now, effects);
                break;
            case RecordUnknown unknown:
                _writer.OnUnknown(unknown.Stamp, now);
                break;
            case RecordUnreadable unreadable when IsActive:
                _writer.OnUnreadable(unreadable, now);
                break;
            case RankRegistered registered:
                _transition.OnRegistered(registered, now);
                break;
            case RankUnregistered unregistered:
                _transition.OnUnregistered(unregistered.Member);
                break;
            case LinkUp up:
                _recovery.OnLinkUp(up.Peer, effects);
                _starts.OnLinkUp(up.Peer, effects);
                if (IsActive)
                    _arrived.Add(up.Peer);
                if (Recovery is null)
                    _transition.OnLinkUp(up.Peer, effects);
                break;
            case LinkLost lost:
                _transition.OnLinkLost(lost.Peer);
                break;
            case PeerLost lost:
                _recovery.OnPeerLost(lost.Peer, now, effects);
                _transition.OnPeerGone(lost.Peer, $"was lost before it was admitted: {lost.Detail}");
                break;
            case Planned planned:
                _transition.OnPlanned(planned, now, effects);
                break;
        }

        Advance(now, effects);
    }

    public void OnTick(TimeSpan now, List<RankEffect> effects)
    {
        if (!IsActive)
            return;
        _recovery.OnTick(now, effects);
        _transition.OnTick(now);
        Advance(now, effects);
    }

    public void OnMessage(MemberId from, ProtocolMessage message, TimeSpan now, List<RankEffect> effects)
    {
        switch (message)
        {
            case StepFailedMessage failed:
                OnStepFailed(from, failed, now, effects);
                break;
            case StoppedMessage stopped:
                _recovery.OnStopped(from, stopped, now, effects);
                break;
            case OperationRequestMessage { Request: var request } when !IsActive:
                RequestQueue.Refuse(from, request, ElasticEpErrorCode.InvalidState, $"Rank {_member.Self.Rank} does not coordinate.", effects);
                break;
            case OperationRequestMessage { Request: var request }:
                _transition.OnRequest(from, request, mayPropose: Recovery is null, now, effects);
                break;
            case CancelMessage cancel when IsActive:
                _transition.OnCancel(from, cancel, effects);
                break;
            case PreparationMessage report when IsActive:
                _transition.OnPreparation(from, report, effects);
                break;
            case ExpertLoadMessage load when IsActive:
                _transition.OnLoadReport(from, load, effects);
                break;
            case LaunchFailedMessage failed when IsActive && _writer.IsKnown: // else it comes again
                _transition.OnLaunchFailed(failed);
                break;
        }

        Advance(now, effects);
    }

    private void OnStepFailed(MemberId from, StepFailedMessage failed, TimeSpan now, List<RankEffect> effects)
    {
        if (IsActive && _writer.IsKnown && !Record.Needs(from) && failed.Epoch < Record.View.Epoch)
            effects.Add(RankEffect.Send(from, new CompletedMessage(Record.View.Epoch))); // it is in no view that anybody needs
        else if (_recovery.OnStepFailed(from, failed, now, effects))
            IsActive = true;
    }

    /// <summary>Decides what is next; does nothing while an answer is outstanding.</summary>
    private void Advance(TimeSpan now, List<RankEffect> effects)
    {
        if (!IsActive)
            return;
        _writer.ReadIfUnknown(LeastEpoch, now, effects);
        if (!_writer.IsReady)
            return;
        if (IsOut)
        {
            StandDown(); // others have gone on without this rank
            return;
        }

        foreach (var process in _arrived)
            _transition.DismissAgain(process, effects);
        _arrived.Clear();
        if (_isTakingOver && Recovery is null)
        {
            _isTakingOver = false;
            _recovery.StartAgain(effects);
            _transition.LetInAgain(effects);
        }

        _recovery.Advance(now, effects);
        if (Recovery is null && Record.View is { Epoch: > 0, IsTerminal: false } && !Coordinates(Record.View) && !Coordinates(_member.View))
        {
            StandDown(); // it led for a recovery only, and there is none
            return;
        }

        _writer.ReadIfUnknown(LeastEpoch, now, effects); // it may have begun again
        if (Recovery is null && _writer is { IsReady: true, IsRestoring: false })
            _transition.Advance(now, effects);
    }

    private void OnNews(RecordNews news, WritePurpose written, TimeSpan now, List<RankEffect> effects)
    {
        if (!IsActive)
            return;
        switch (news)
        {
            case RecordNews.Known or RecordNews.Changed:
                if (news == RecordNews.Changed)
                    _transition.OnRecordChanged(now, effects);
                if (Record.View.Epoch > 0 && !Coordinates(Record.View) && Recovery is null)
                    StandDown();
                break;
            case RecordNews.Acknowledged when Record.View.Epoch < _member.View.Epoch:
                _writer.Doubt(); // the answer has come late: others have written the record since, and this rank is in their view
                goto case RecordNews.Refused;
            case RecordNews.Acknowledged when written == WritePurpose.Recover:
                OnRecovered(now, effects);
                break;
            case RecordNews.Acknowledged:
                _transition.OnWritten(written, now, effects);
                break;
            case RecordNews.Refused:
                _transition.OnRecordChanged(now, effects);
                _recovery.OnRefused(now);
                break;
        }
    }

    /// <summary>Whether nothing in the record wants this rank any more.</summary>
    private bool IsOut => Record.View.Epoch > 0 && !Record.View.IsTerminal && !Record.Needs(_member.Self);

    /// <summary>Whether this very process coordinates a view; another one may have had its rank.</summary>
    private bool Coordinates(GroupView view) => view.Coordinator == _member.Self.Rank && view.Contains(_member.Self);

    private void OnRecovered(TimeSpan now, List<RankEffect> effects)
    {
        _transition.OnRecovered(now, effects);
        _recovery.OnWritten(now, effects);
        if (!Coordinates(Record.View))
            StandDown(); // who coordinates takes over when it is started
    }

    /// <summary>This rank begins to lead: it reads the record before it does anything.</summary>
    private void TakeOver()
    {
        IsActive = _isTakingOver = true;
        _writer.Doubt();
    }

    private void StandDown()
    {
        IsActive = _isTakingOver = false;
        _arrived.Clear();
        _writer.Forget();
        _recovery.Forget();
        _transition.Forget(); // a Start that this rank sent last is repeated: who leaves with the view may be the only one who can
    }
}
