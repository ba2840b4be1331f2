using ElasticEp.Protocol;
using ElasticEp.Transport;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>A peer's identity on the wire, at the end of a greeting: later releases may append.</summary>
internal static class IdentityCodec
{
    public static void Write(WireWriter writer, PeerIdentity identity)
    {
        writer.Text(identity.Group);
        Write(writer, identity.Id);
        writer.Text(identity.Address);
        writer.Text(identity.Layout);
        writer.Byte(identity.ReadsVersion);
    }

    public static void Write(WireWriter writer, MemberId id)
    {
        writer.Int(id.Rank);
        writer.Long(id.Incarnation);
    }

    public static PeerIdentity Read(ref WireReader reader) =>
        new(reader.Text(), ReadId(ref reader), reader.Text(), reader.Text()) { ReadsVersion = reader.Byte() };

    public static MemberId ReadId(ref WireReader reader) => new(reader.Int(), reader.Long());
}
