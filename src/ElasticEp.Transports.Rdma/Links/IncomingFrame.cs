using ElasticEp.Transport;

namespace ElasticEp.Transports.Rdma.Links;

/// <summary>A frame that has arrived, as far as its sender sends unasked.</summary>
internal unsafe struct IncomingFrame
{
    public bool IsHere;
    public FrameInfo Info;

    /// <summary>The first bytes of metadata and rows, kept by UCX; null when none came with the head.</summary>
    public byte* Data;

    public long Length;
}
