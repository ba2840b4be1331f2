namespace ElasticEp;

/// <summary>What kind of thing went wrong; every <see cref="ElasticEpException"/> carries one.</summary>
public enum ElasticEpErrorCode
{
    /// <summary>An argument of a call is out of range or of the wrong shape or type.</summary>
    InvalidArgument = 1,

    /// <summary>The call is not allowed in the present state, for example an exchange after the step has ended.</summary>
    InvalidState = 2,

    /// <summary>A scaling operation was refused because another one runs.</summary>
    ScaleInProgress = 3,

    /// <summary>The requested group cannot exist: too many or too few ranks, or too few slots for the experts.</summary>
    ImpossibleGroup = 4,

    /// <summary>A scaling operation failed before its commit and was rolled back; the members of before serve on.</summary>
    OperationAborted = 5,

    /// <summary>The attempt of a step was stopped by the group; it will be run again.</summary>
    StepAborted = 6,

    /// <summary>The app's step delegate threw.</summary>
    StepFailed = 7,

    /// <summary>A wait passed its deadline; the message names whom it waited for.</summary>
    DeadlineExceeded = 8,

    /// <summary>A peer cannot be reached or its link was lost.</summary>
    PeerLost = 9,

    /// <summary>Two peers disagree on the layout of frames, on a secret or on a protocol version.</summary>
    Incompatible = 10,

    /// <summary>A frame or message from a peer broke the protocol.</summary>
    ProtocolViolation = 11,

    /// <summary>Weights that arrived differ from those that were sent.</summary>
    ChecksumMismatch = 12,

    /// <summary>No living rank holds a copy of some expert.</summary>
    ExpertsLost = 13,

    /// <summary>The rendezvous store cannot be reached or refused the request.</summary>
    StoreUnavailable = 14,

    /// <summary>The group has ended, or this process is no longer a member.</summary>
    GroupEnded = 15,

    /// <summary>The app's workload hook threw.</summary>
    WorkloadFailed = 16,

    /// <summary>Another process answers under the wanted peer's number: the wanted one has ended, and connecting again is useless.</summary>
    PeerReplaced = 17,

    /// <summary>It is not known any more whether an operation has run: too many others have ended since it was requested.</summary>
    OutcomeUnknown = 18,

    /// <summary>Nobody listens at the peer's address: if it was there before, its process has ended.</summary>
    ConnectionRefused = 19,

    /// <summary>The group waits for members without whom it cannot go on: until they are back no view can change. The message names them, and what is missing.</summary>
    GroupWaits = 20,
}
