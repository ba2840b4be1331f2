using ElasticEp.Protocol;
using ElasticEp.Transport;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>The first message on each link: who dials, whom, and which connection the link belongs to.</summary>
/// <param name="Link">Which of the three links this is.</param>
/// <param name="Connection">Number of the connection, drawn by who dials.</param>
/// <param name="Replaces">A connection that the accepting end takes for up, and the dialing end knows to have ended; zero for none.</param>
/// <param name="Self">Who dials.</param>
/// <param name="Wanted">The process that it wants.</param>
internal sealed record Hello(LinkKind Link, long Connection, long Replaces, PeerIdentity Self, MemberId Wanted)
{
    public ReadOnlyMemory<byte> Encode()
    {
        var writer = new WireWriter();
        writer.Byte((byte)Link);
        writer.Long(Connection);
        writer.Long(Replaces);
        IdentityCodec.Write(writer, Wanted);
        IdentityCodec.Write(writer, Self);
        return writer.Written;
    }

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/>: malformed.</exception>
    public static Hello Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var (link, connection, replaces, wanted) = ((LinkKind)reader.Below(3), reader.Long(), reader.Long(), IdentityCodec.ReadId(ref reader));
        var self = IdentityCodec.Read(ref reader);
        return new Hello(link, connection, replaces, self, wanted);
    }
}
