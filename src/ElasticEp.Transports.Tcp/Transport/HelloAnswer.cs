using ElasticEp.Protocol;
using ElasticEp.Transport;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>The accepting end's answer to a <see cref="Hello"/>.</summary>
/// <param name="Verdict">What becomes of the link.</param>
/// <param name="Connection">The connection that is there already.</param>
/// <param name="Text">Why it is refused.</param>
/// <param name="Self">Who answers.</param>
internal sealed record HelloAnswer(HelloVerdict Verdict, long Connection, string Text, PeerIdentity Self)
{
    public ReadOnlyMemory<byte> Encode()
    {
        var writer = new WireWriter();
        writer.Byte((byte)Verdict);
        writer.Long(Connection);
        writer.Text(Text);
        IdentityCodec.Write(writer, Self);
        return writer.Written;
    }

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/>: malformed.</exception>
    public static HelloAnswer Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var (verdict, connection, text) = ((HelloVerdict)reader.Below(3), reader.Long(), reader.Text());
        var self = IdentityCodec.Read(ref reader);
        return new HelloAnswer(verdict, connection, text, self);
    }
}
