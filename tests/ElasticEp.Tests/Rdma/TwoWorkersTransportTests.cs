using ElasticEp.Transports.Rdma;

namespace ElasticEp.Tests.Rdma;

/// <summary>Two threads, no polling, a window of one frame, and nothing that goes with a head: what is fast elsewhere has no part in it.</summary>
public sealed class TwoWorkersTransportTests() : RdmaTransportTests(UcxPath.SharedMemory)
{
    protected override RdmaOptions Options()
    {
        var options = UcxPath.SharedMemory.Options();
        (options.Workers, options.PollTime, options.FramesInFlight, options.EagerLimit) = (2, TimeSpan.Zero, 1, 0);
        return options;
    }
}
