namespace ElasticEp.Transports.Rdma.Connections;

/// <summary>What the two ends tell each other on the data link of the control transport, which carries nothing else.</summary>
internal enum SetupKind : byte
{
    /// <summary>The first: which machine this end runs on.</summary>
    Machine = 1,

    /// <summary>Where this end's links receive, and with which token.</summary>
    Offer = 2,

    /// <summary>How many endpoints this end's workers have had to the other end's.</summary>
    Counts = 3,

    /// <summary>This end has its endpoints, and UCX its connections to the other end.</summary>
    Reached = 4,

    /// <summary>The other end's hello has come on every link.</summary>
    Up = 5,

    /// <summary>The last: the other end has broken the protocol of a link, in words.</summary>
    Violation = 6,
}
