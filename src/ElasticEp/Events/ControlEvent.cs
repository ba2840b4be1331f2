using ElasticEp.Placement;
using ElasticEp.Protocol;
using ElasticEp.Transport;

namespace ElasticEp.Events;

/// <summary>An event that is not part of the step agreement. What completes an effect carries the effect's operation or stamp: a stale one is ignored.</summary>
internal abstract record ControlEvent;

/// <summary>This rank, number 0, is to bring the group into being.</summary>
/// <param name="Patience">How long members of a group that lives may take to register in a store that has lost its state.</param>
internal sealed record BirthRequested(TimeSpan Patience = default) : ControlEvent;

/// <summary>A protocol message has come.</summary>
internal sealed record MessageReceived(MemberId From, ProtocolMessage Message) : ControlEvent;

/// <summary>This process has a request, or a cancel, for the rank that coordinates.</summary>
internal sealed record RequestMade(MemberId Coordinator, ProtocolMessage Message) : ControlEvent;

/// <summary>A connection is up.</summary>
internal sealed record LinkUp(MemberId Peer) : ControlEvent;

/// <summary>A connection has ended.</summary>
internal sealed record LinkLost(MemberId Peer, DisconnectReason Reason, string Detail) : ControlEvent;

/// <summary>One attempt to connect has ended. When it succeeded, LinkUp says so too.</summary>
internal sealed record DialEnded(MemberId Peer, DialResult Result, string Detail) : ControlEvent;

/// <summary>A heartbeat has come.</summary>
internal sealed record BeatReceived(MemberId Peer, TimeSpan Lag = default) : ControlEvent;

/// <summary>A peer is taken for lost: PeerCore says so to the other cores; no driver does.</summary>
internal sealed record PeerLost(MemberId Peer, LossReason Reason, string Detail) : ControlEvent;

/// <summary>A watch shows the record: what it says of peers, of operations that are over and of views without this rank is believed. Nothing is written on its word.</summary>
internal sealed record RecordSeen(GroupRecord Record, long Version = 0) : ControlEvent;

/// <summary>The record was read; null and zero when there is none.</summary>
internal sealed record RecordRead(long Stamp, GroupRecord? Record, long Version) : ControlEvent;

/// <summary>A compare-and-set of the record was answered: set, or refused because the record is another one.</summary>
internal sealed record RecordWritten(long Stamp, bool IsSet, GroupRecord? Current, long Version) : ControlEvent;

/// <summary>The store did not answer; the outcome is unknown.</summary>
internal sealed record RecordUnknown(long Stamp) : ControlEvent;

/// <summary>The store holds a record that cannot be read; stamp zero when a watch has found it.</summary>
internal sealed record RecordUnreadable(long Stamp, string Reason) : ControlEvent;

/// <summary>The registration of this rank was not in the store any more, and is written again: its lease has ended, or the store has lost its state.</summary>
internal sealed record RegistrationLost : ControlEvent;

/// <summary>The store answers again after it has not: it may have lost its state, or come back with an older one.</summary>
internal sealed record StoreIsBack : ControlEvent;

/// <summary>A rank has registered in the store, or says more in its registration.</summary>
/// <param name="Member">The rank.</param>
/// <param name="ProcessId">Id of its process; null when it has not said it.</param>
/// <param name="Epoch">Of the view that it used when it registered; zero for a fresh process, which may join.</param>
/// <param name="Standby">What a fresh process holds of the weights already; null for nothing.</param>
internal sealed record RankRegistered(GroupMember Member, int? ProcessId = null, long Epoch = 0, StandbyState? Standby = null) : ControlEvent;

/// <summary>A rank's registration has gone.</summary>
internal sealed record RankUnregistered(MemberId Member) : ControlEvent;

/// <summary>The placement policy has answered: with a plan and the fewest bytes that the transition must move, or with why there is none.</summary>
internal sealed record Planned(string Operation, long BaseEpoch, PlacementPlan? Plan, long BytesLowerBound, string Failure) : ControlEvent;

/// <summary>All weights of the next view are here, and the rank is warm.</summary>
internal sealed record Fetched(string Operation, ulong View) : ControlEvent;

/// <summary>They failed to be fetched, or the warm-up failed.</summary>
internal sealed record FetchFailed(string Operation, ulong View, string Reason) : ControlEvent;

/// <summary>Some more weights have arrived.</summary>
internal sealed record FetchProgress(string Operation, ulong View, long BytesArrived, long BytesTotal) : ControlEvent;

/// <summary>Every expert that the view with this epoch gives this rank is here.</summary>
internal sealed record Reloaded(long Epoch) : ControlEvent;

/// <summary>An attempt to load them has begun, after all hooks before it, and what is here already can be used; or it has loaded one more.</summary>
internal sealed record ReloadProgress(long Epoch, int Loaded) : ControlEvent;

/// <summary>It has failed; what it has loaded stays.</summary>
internal sealed record ReloadFailed(long Epoch, string Reason) : ControlEvent;

/// <summary>The app has returned its requests to the queue.</summary>
internal sealed record Drained(string Operation) : ControlEvent;

/// <summary>The app's leave hook failed.</summary>
internal sealed record DrainFailed(string Operation, string Reason) : ControlEvent;

/// <summary>A hook of the workload begins.</summary>
internal sealed record HookEntered(string Hook) : ControlEvent;

/// <summary>It has returned, or thrown.</summary>
internal sealed record HookReturned : ControlEvent;

/// <summary>Fetch and Drain of an operation are undone.</summary>
internal sealed record RolledBack(string Operation) : ControlEvent;

/// <summary>They could not be undone: the rank's weights cannot be trusted any more.</summary>
internal sealed record RollbackFailed(string Reason) : ControlEvent;
