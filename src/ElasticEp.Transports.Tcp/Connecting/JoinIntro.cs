using System.Security.Cryptography;

namespace ElasticEp.Transports.Tcp.Connecting;

/// <summary>
/// What each end sends first in <see cref="JoinHandshake"/>: <c>"EEP"</c>, lowest version, highest version, length of what follows,
/// subject (the connector's purpose or the acceptor's status), nonce[32]. Later versions may append fields.
/// </summary>
/// <param name="Versions">The versions that this end speaks.</param>
/// <param name="Subject">The connector's <see cref="LinkPurpose"/>, or the acceptor's <see cref="JoinStatus"/>.</param>
/// <param name="Bytes">All of it as it travels; proofs are made over these bytes.</param>
internal sealed record JoinIntro(VersionRange Versions, byte Subject, ReadOnlyMemory<byte> Bytes)
{
    public const int NonceSize = 32;

    /// <summary>Bytes of an intro without later fields.</summary>
    public const int Size = Head + MinRest;

    private const int Head = 6;
    private const int MinRest = 1 + NonceSize;

    public static JoinIntro Create(VersionRange versions, byte subject)
    {
        var bytes = new byte[Size];
        Magic.CopyTo(bytes);
        (bytes[3], bytes[4], bytes[5], bytes[6]) = (versions.Lowest, versions.Highest, MinRest, subject);
        RandomNumberGenerator.Fill(bytes.AsSpan(Head + 1));
        return new JoinIntro(versions, subject, bytes);
    }

    /// <param name="stream">The connection.</param>
    /// <param name="spoken">The versions of this end: what follows the versions of one that has none in common may mean anything.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.Incompatible"/>: the other end is another program.</exception>
    /// <exception cref="IOException">The connection ended.</exception>
    public static async ValueTask<JoinIntro> ReadAsync(Stream stream, VersionRange spoken, CancellationToken cancellationToken)
    {
        var head = new byte[Head];
        await stream.ReadExactlyAsync(head, cancellationToken).ConfigureAwait(false);
        if (!head.AsSpan().StartsWith(Magic))
            throw JoinHandshake.Refused("it is no ElasticEp process");
        var versions = new VersionRange(head[3], head[4]);
        if (head[5] < MinRest && spoken.HighestCommon(versions) is null)
            return new JoinIntro(versions, 0, head);
        if (head[5] < MinRest)
            throw JoinHandshake.Refused($"its greeting has {head[5]} bytes, at least {MinRest} are needed");
        var bytes = new byte[Head + head[5]];
        head.CopyTo(bytes, 0);
        await stream.ReadExactlyAsync(bytes.AsMemory(Head), cancellationToken).ConfigureAwait(false);
        return new JoinIntro(versions, bytes[6], bytes);
    }

    private static ReadOnlySpan<byte> Magic => "EEP"u8;
}
