using System.Runtime.CompilerServices;

namespace ElasticEp.Transports.Rdma.Native;

/// <summary>char[32].</summary>
[InlineArray(32)]
internal struct UcxName
{
    private byte _first;
}
