using System.Collections.Immutable;
using ElasticEp.Placement;

namespace ElasticEp.Protocol;

/// <summary>A message of the membership and scaling protocol. StepEnd and Wake are not here: they fit into a frame header.</summary>
internal abstract record ProtocolMessage;

/// <summary>Member → proposer: this attempt cannot complete here.</summary>
internal sealed record StepFailedMessage(long Epoch, long Step, int LostPeer, string Reason) : ProtocolMessage;

/// <summary>Proposer → members: end the attempt; the highest durable view has this epoch.</summary>
internal sealed record StopMessage(long Epoch, long Recovery) : ProtocolMessage;

/// <summary>Member → proposer: the attempt has ended here and will never complete.</summary>
internal sealed record StoppedMessage(long Recovery, long LastCompleted, bool IsFresh, ImmutableArray<int> Connected) : ProtocolMessage;

/// <summary>Proposer → members, coordinator → joiners: run this step under this view.</summary>
/// <param name="View">The view.</param>
/// <param name="Step">First step under it.</param>
/// <param name="Operation">The operation under way; empty when there is none.</param>
/// <param name="CommittedViews">How many stages of its plan this view and those before it have; a higher one is not in use.</param>
internal sealed record StartMessage(GroupView View, long Step, string Operation, int CommittedViews) : ProtocolMessage;

/// <summary>Coordinator → all members of both views: get ready for the next view, which is one stage of the operation's plan.</summary>
internal sealed record PrepareMessage(string Operation, int PlanStage, GroupView Base, GroupView Next, ImmutableArray<ExpertTransfer> Transfers, TimeSpan DrainTime) : ProtocolMessage;

/// <summary>Coordinator → leavers: hand back your requests.</summary>
internal sealed record DrainMessage(string Operation) : ProtocolMessage;

/// <summary>Participant → coordinator: how far it is, or why it failed.</summary>
internal sealed record PreparationMessage(string Operation, PreparationState Stage, ulong Digest, long BytesMoved, long BytesTotal, string Failure) : ProtocolMessage;

/// <summary>Coordinator → participants: the operation is rolled back.</summary>
internal sealed record AbortMessage(string Operation, string Reason) : ProtocolMessage;

/// <summary>Coordinator of the new view → leavers: its first step is complete, you may go.</summary>
internal sealed record CompletedMessage(string Operation, long Epoch) : ProtocolMessage;

/// <summary>Anybody → coordinator: a scaling request.</summary>
internal sealed record OperationRequestMessage(OperationRequest Request) : ProtocolMessage;

/// <summary>Coordinator → requester: accepted (code zero), or refused.</summary>
internal sealed record OperationReplyMessage(string Operation, int Code, string Detail) : ProtocolMessage;

/// <summary>Requester → coordinator: roll back if it is not committed.</summary>
internal sealed record CancelMessage(string Operation) : ProtocolMessage;

/// <summary>Coordinator → requester: how it goes on.</summary>
internal sealed record ProgressMessage(ScaleProgress Progress) : ProtocolMessage;

/// <summary>Launcher → coordinator: a rank could not be started, or ended before it was admitted.</summary>
internal sealed record LaunchFailedMessage(string Operation, int Rank, string Reason) : ProtocolMessage;

/// <summary>Receiver → source of weights.</summary>
internal sealed record WeightRequestMessage(ReadOnlyMemory<byte> Request) : ProtocolMessage;

/// <summary>Member → coordinator: what its tokens chose since it told so last.</summary>
/// <param name="Step">The last step that is counted.</param>
/// <param name="Pairs">(token, expert) pairs, <c>[layers × experts]</c>; never negative.</param>
internal sealed record ExpertLoadMessage(long Step, ReadOnlyMemory<long> Pairs) : ProtocolMessage;

/// <summary>Coordinator → members: tell your load now, an operation is to be planned.</summary>
internal sealed record ExpertLoadRequestMessage(string Operation) : ProtocolMessage;
