using ElasticEp.Transport;

namespace ElasticEp.Tests.Simulation;

/// <summary>A dispatch frame: its tag, and a content that depends on everything in the tag and on the sender.</summary>
internal readonly record struct SimFrame(int Source, long Epoch, long Step, int Layer)
{
    public FrameHeader Header => new() { Operation = FrameOperation.Dispatch, Epoch = Epoch, Step = Step, Layer = Layer };

    public ulong Content => SimRandom.Mix((ulong)Source + SimRandom.Mix((ulong)Epoch + SimRandom.Mix((ulong)Step + SimRandom.Mix((ulong)Layer + 1))));
}
