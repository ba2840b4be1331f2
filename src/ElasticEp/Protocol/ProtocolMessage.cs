using System.Collections.Immutable;
using ElasticEp.Placement;

namespace ElasticEp.Protocol;

/// <summary>A message of the membership and scaling protocol. StepEnd and Wake are not here: they fit into a frame header.</summary>
internal abstract record ProtocolMessage;

/// <summary>Member → proposer: this attempt cannot complete here.</summary>
internal sealed record StepFailedMessage(long Epoch, long Step, MemberId? Lost, string Reason) : ProtocolMessage;

/// <summary>Who leads a recovery → members: end the attempt; the highest durable view has this epoch.</summary>
internal sealed record StopMessage(long Epoch, long Recovery) : ProtocolMessage;

/// <summary>Member → proposer: the attempt has ended here and will never complete; or, when the member has entered a later view than Stop names, only that.</summary>
/// <param name="Recovery">The recovery that Stop named.</param>
/// <param name="Entered">Epoch of the view that the member has entered; zero for none.</param>
/// <param name="Closed">The last step whose own exchanges are complete, or the one before the step that it was started with; null when it has entered no view.</param>
/// <param name="ClosedEpoch">Epoch under which it closed that step itself; zero when it did not.</param>
/// <param name="Connected">Whom it is connected to.</param>
/// <param name="Alive">Those of them whose heartbeats come.</param>
internal sealed record StoppedMessage(long Recovery, long Entered, long? Closed, long ClosedEpoch, ImmutableArray<MemberId> Connected, ImmutableArray<MemberId> Alive) : ProtocolMessage;

/// <summary>Who leads a recovery → members, coordinator → joiners: run this step under this view.</summary>
/// <param name="View">The view.</param>
/// <param name="Step">First step under it.</param>
/// <param name="Operation">The operation under way; empty when there is none.</param>
/// <param name="CommittedViews">How many views of its plan this one and those before it are; a higher one is not in use.</param>
internal sealed record StartMessage(GroupView View, long Step, string Operation, int CommittedViews) : ProtocolMessage
{
    /// <summary>Ranks whose <see cref="LoadedMessage"/> is waited for before the first step.</summary>
    public ImmutableArray<int> Reloading { get; init; } = [];
}

/// <summary>Member → members: it holds every expert that the view with this epoch gives it.</summary>
internal sealed record LoadedMessage(long Epoch) : ProtocolMessage;

/// <summary>Coordinator → all members of both views: get ready for the next view, which is one of the operation's plan. The base is Completed.</summary>
/// <param name="Operation">The operation.</param>
/// <param name="PlanView">Index of the view in the operation's plan.</param>
/// <param name="Base">The view in use, whose successor the next one is: whole for who is not in it.</param>
/// <param name="Next">The next view.</param>
/// <param name="Transfers">What the receiver of this message is to fetch.</param>
/// <param name="DrainTime">Time that a leaver lets its requests finish.</param>
internal sealed record PrepareMessage(string Operation, int PlanView, BaseView Base, GroupView Next, ImmutableArray<ExpertTransfer> Transfers, TimeSpan DrainTime) : ProtocolMessage;

/// <summary>Coordinator → leavers: return your requests to the queue.</summary>
internal sealed record DrainMessage(string Operation) : ProtocolMessage;

/// <summary>Participant → coordinator: how far it is with the next view, or why it failed.</summary>
internal sealed record PreparationMessage(string Operation, PreparationState State, ulong Digest, long BytesMoved, long BytesTotal, string Failure) : ProtocolMessage
{
    /// <summary>Why it cannot prepare that view at all; the failure says it in words.</summary>
    public PreparationRefusal Refusal { get; init; }
}

/// <summary>Coordinator → participants: the operation is rolled back. Without an operation: this process is dismissed, whatever it prepares.</summary>
internal sealed record AbortMessage(string Operation, string Reason) : ProtocolMessage;

/// <summary>Coordinator → leavers: the view with this epoch is Completed without you, you may go.</summary>
internal sealed record CompletedMessage(long Epoch) : ProtocolMessage;

/// <summary>Anybody → coordinator: a request for an operation.</summary>
internal sealed record OperationRequestMessage(OperationRequest Request) : ProtocolMessage;

/// <summary>Coordinator → requester: accepted (code zero), or refused.</summary>
/// <param name="Operation">The operation.</param>
/// <param name="Call">Which of the requester's calls is answered.</param>
/// <param name="Code">Zero, or an <see cref="ElasticEpErrorCode"/>.</param>
/// <param name="Detail">Why it is refused.</param>
internal sealed record OperationReplyMessage(string Operation, long Call, int Code, string Detail) : ProtocolMessage;

/// <summary>Requester → coordinator: roll back if it is not committed; this call is not to begin any more.</summary>
internal sealed record CancelMessage(string Operation, long Call) : ProtocolMessage;

/// <summary>Coordinator → requester: how it goes on.</summary>
internal sealed record ProgressMessage(ScaleProgress Progress) : ProtocolMessage;

/// <summary>Launcher → coordinator: a rank could not be started, or ended before it was admitted.</summary>
internal sealed record LaunchFailedMessage(string Operation, int Rank, string Reason) : ProtocolMessage;

/// <summary>Launcher → members: a member's process has ended.</summary>
internal sealed record ProcessEndedMessage(MemberId Process, string How) : ProtocolMessage;

/// <summary>Receiver → source of weights.</summary>
internal sealed record WeightRequestMessage(ReadOnlyMemory<byte> Request) : ProtocolMessage;

/// <summary>Member → coordinator: what its tokens chose since it reported last.</summary>
/// <param name="Step">The last step that is counted.</param>
/// <param name="Pairs">(token, expert) pairs, <c>[layers × experts]</c>; never negative.</param>
internal sealed record ExpertLoadMessage(long Step, ReadOnlyMemory<long> Pairs) : ProtocolMessage;

/// <summary>Member → member: have you heard this one lately?</summary>
internal sealed record ProbeMessage(MemberId About) : ProtocolMessage;

/// <summary>The answer to Probe.</summary>
internal sealed record ProbeReplyMessage(MemberId About, bool IsAlive) : ProtocolMessage;

/// <summary>Coordinator → members: report your load now, an operation is to be planned.</summary>
internal sealed record ExpertLoadRequestMessage(string Operation) : ProtocolMessage;
