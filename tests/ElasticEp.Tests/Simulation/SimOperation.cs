using ElasticEp.Protocol;
using ElasticEp.Scaling;

namespace ElasticEp.Tests.Simulation;

/// <summary>A request for another group, until its outcome is known.</summary>
internal sealed class SimOperation(OperationRequest request, MemberId client, SimRank? leaver)
{
    public OperationRequest Request { get; } = request;

    /// <summary>The process that asks.</summary>
    public RequestCore Core { get; } = new(TimeSpan.FromMicroseconds(SimSettings.OperationDeadline));

    /// <summary>When the core is woken next.</summary>
    public TimeSpan? WakeAt { get; set; }

    /// <summary>The client; what it sends comes from this process, unless it is a leaver.</summary>
    public MemberId Client { get; } = client;

    /// <summary>The rank that asks to leave, when its host stops.</summary>
    public SimRank? Leaver { get; } = leaver;

    /// <summary>Null until it is known.</summary>
    public string? Outcome { get; set; }

    public bool IsCompleted => Outcome == "completed";
}
