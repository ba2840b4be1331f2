using System.Collections.Immutable;
using ElasticEp.Protocol;
using ElasticEp.Transport;

namespace ElasticEp.Events;

/// <summary>An effect that is not part of every step.</summary>
internal abstract record ControlEffect;

/// <summary>Cancel the delegate and its exchanges → DelegateReturned.</summary>
internal sealed record AbortAttempt(long Epoch, long Step, string Reason) : ControlEffect;

/// <summary>Throw away data frames up to an epoch, parked ones too: no attempt of it will complete.</summary>
internal sealed record Fence(long Epoch) : ControlEffect;

/// <summary>Use a view from a step on.</summary>
/// <param name="View">The view.</param>
/// <param name="FirstStep">Its first step.</param>
/// <param name="Operation">The operation that it came of; empty for none.</param>
/// <param name="CommittedViews">How many views of that operation's plan this one and those before it are.</param>
/// <param name="IsReloading">Whether it gives this rank experts that have to be loaded first: Reload follows, which then uses it.</param>
internal sealed record EnterView(GroupView View, long FirstStep, string Operation, int CommittedViews, bool IsReloading) : ControlEffect;

/// <summary>The first step of the view is complete on every member.</summary>
internal sealed record ViewCompleted(GroupView View) : ControlEffect;

/// <summary>Send a protocol message.</summary>
internal sealed record SendMessage(MemberId To, ProtocolMessage Message) : ControlEffect;

/// <summary>Try once to connect to a peer → DialEnded, and LinkUp if it succeeds.</summary>
internal sealed record Dial(GroupMember Peer) : ControlEffect;

/// <summary>Send heartbeats to these peers from now on, and to nobody else.</summary>
internal sealed record BeatTo(ImmutableArray<MemberId> Peers) : ControlEffect;

/// <summary>Say goodbye to a peer.</summary>
internal sealed record Disconnect(MemberId Peer) : ControlEffect;

/// <summary>Cut the link to a peer at once.</summary>
internal sealed record AbortLink(MemberId Peer, DisconnectReason Reason, string Detail) : ControlEffect;

/// <summary>
/// Allocate what a next view needs, fetch its weights, or what a standby is to hold, and warm up → FetchProgress, then Fetched or FetchFailed. Buffers that the view in use does
/// not name may be written. A leaver only allocates: a recovery may keep it, beside joiners.
/// </summary>
internal sealed record Fetch(PreparationPlan Plan, bool IsLeaver) : ControlEffect;

/// <summary>
/// Try once to load from the workload's source what the view, which is in use, gives this rank and what is not here → ReloadProgress, then
/// Reloaded or ReloadFailed. All buffers that the view does not name may be written. Fetch and Drain are cancelled, and an attempt for an earlier view.
/// </summary>
internal sealed record Reload(GroupView View) : ControlEffect;

/// <summary>Let the app return its requests to the queue → Drained or DrainFailed.</summary>
internal sealed record Drain(string Operation, TimeSpan DrainTime) : ControlEffect;

/// <summary>Undo Fetch and Drain → RolledBack, after RollbackFailed if it failed.</summary>
internal sealed record Rollback(string Operation, bool HasDrained) : ControlEffect;

/// <summary>Read the record → RecordRead, RecordUnknown or RecordUnreadable.</summary>
internal sealed record ReadRecord(long Stamp) : ControlEffect;

/// <summary>Compare-and-set the record → RecordWritten, RecordUnknown or RecordUnreadable.</summary>
internal sealed record WriteRecord(long Stamp, GroupRecord Record, long ExpectedVersion) : ControlEffect;

/// <summary>Send ExpertLoad to a peer, or to this rank itself: what it dispatched since it reported last, up to the step.</summary>
internal sealed record ReportExpertLoad(MemberId To, long Step) : ControlEffect;

/// <summary>Say that a peer is taken for lost.</summary>
internal sealed record ShowLoss(PeerLost Loss) : ControlEffect;

/// <summary>A recovery that this rank has led is over.</summary>
internal sealed record ShowRecovery(GroupView View, RecoveryStatistics Times) : ControlEffect;

/// <summary>Say why this rank does not have the lost experts yet that a view gives it.</summary>
/// <param name="View">The view.</param>
/// <param name="Reason">What failed, or what does not end.</param>
/// <param name="IsStuck">Whether the attempt does not end; otherwise it has failed, and another one follows.</param>
internal sealed record ShowReloadTrouble(GroupView View, string Reason, bool IsStuck) : ControlEffect;

/// <summary>The load of the whole group is known again.</summary>
internal sealed record ShowBalance(LoadBalance Balance) : ControlEffect;

/// <summary>Ask the placement policy → Planned.</summary>
internal sealed record Plan(string Operation, PlanInquiry Inquiry) : ControlEffect;

/// <summary>Say in this rank's registration what it holds while it waits to be admitted.</summary>
internal sealed record AnnounceStandby(StandbyState State) : ControlEffect;

/// <summary>Report registrations of ranks from now on → RankRegistered, RankUnregistered.</summary>
internal sealed record WatchRanks : ControlEffect;

/// <summary>A reply or a progress report for a request of this process itself.</summary>
internal sealed record DeliverReply(MemberId From, ProtocolMessage Message) : ControlEffect;

/// <summary>This rank is out of the group for good, nobody needs anything of it, and no delegate is inside: its process may end. Comes once.</summary>
internal sealed record RankEnded : ControlEffect;

/// <summary>This rank cannot go on.</summary>
internal sealed record Fail(string Reason) : ControlEffect;
