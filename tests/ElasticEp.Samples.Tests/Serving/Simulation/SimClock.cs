namespace ElasticEp.Samples.Tests.Serving.Simulation;

/// <summary>Simulated time; a tick is a millisecond.</summary>
internal sealed class SimClock : TimeProvider
{
    public long Now { get; set; } = 1;

    public override long TimestampFrequency => 1000;

    public override long GetTimestamp() => Now;
}
