using ElasticEp.Protocol;
using ElasticEp.Transport;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>A peer's identity on the wire.</summary>
internal static class IdentityCodec
{
    public static void Write(WireWriter writer, PeerIdentity identity)
    {
        writer.Text(identity.Group);
        writer.Int(identity.Peer);
        writer.Long(identity.Incarnation);
        writer.Text(identity.Address);
        writer.Text(identity.Layout);
    }

    public static PeerIdentity Read(ref WireReader reader) => new(reader.Text(), reader.Int(), reader.Long(), reader.Text(), reader.Text());
}
