using System.Security.Cryptography;
using System.Text;

namespace ElasticEp.Transports.Tcp.Connecting;

/// <summary>The secret that the processes of a group share, and proofs of knowing it.</summary>
internal sealed class JoinSecret(string text)
{
    /// <summary>Fewest characters of a secret.</summary>
    public const int MinLength = 16;

    /// <summary>Bytes of a proof.</summary>
    public const int ProofSize = 32;

    private readonly byte[] _key = Encoding.UTF8.GetBytes(text);

    /// <summary>No secret: every process on the machine may connect.</summary>
    public static JoinSecret None { get; } = new("");

    /// <summary>HMAC-SHA-256 over who proves and all that both ends have sent: versions, purpose, and the numbers that they have just drawn.</summary>
    public byte[] Prove(bool isConnector, JoinIntro connector, JoinIntro acceptor)
    {
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _key);
        hash.AppendData("ElasticEp join 2"u8);
        hash.AppendData([isConnector ? (byte)'C' : (byte)'A']);
        hash.AppendData(connector.Bytes.Span); // carries its own length, so nothing can move from one to the other
        hash.AppendData(acceptor.Bytes.Span);
        return hash.GetHashAndReset();
    }
}
