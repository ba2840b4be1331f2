using System.Security.Cryptography;

namespace ElasticEp.Transports.Tcp.Connecting;

/// <summary>
/// The first bytes of every connection: both ends prove that they know the join secret, before either reads anything else.
/// <code>
/// connector → acceptor   "EEP", version, purpose, nonce[32]
/// acceptor → connector   "EEP", version, status, nonce[32], proof[32]
/// connector → acceptor   proof[32]
/// acceptor → connector   status
/// </code>
/// </summary>
internal static class JoinHandshake
{
    private const byte Version = 1;
    private const int NonceSize = 32;
    private const int Intro = 5; // magic, version, purpose or status
    private const byte Welcome = 0;
    private const byte WrongSecret = 1;
    private const byte WrongVersion = 2;
    private const byte WrongPurpose = 3;

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.Incompatible"/>: another secret, version or program.</exception>
    /// <exception cref="IOException">The connection ended.</exception>
    public static async ValueTask ConnectAsync(Stream stream, LinkPurpose purpose, JoinSecret secret, CancellationToken cancellationToken)
    {
        var hello = Begin((byte)purpose, 0);
        await stream.WriteAsync(hello, cancellationToken).ConfigureAwait(false);
        var answer = new byte[Intro + NonceSize + JoinSecret.ProofSize];
        await stream.ReadExactlyAsync(answer.AsMemory(0, Intro), cancellationToken).ConfigureAwait(false);
        CheckIntro(answer);
        if (answer[4] == WrongPurpose)
            throw Refused($"its address is not the one for {purpose}");
        if (answer[4] != Welcome)
            throw Refused($"it speaks another version than {Version}; run the same library version everywhere");
        await stream.ReadExactlyAsync(answer.AsMemory(Intro), cancellationToken).ConfigureAwait(false);

        var (mine, theirs) = (hello.AsMemory(Intro, NonceSize), answer.AsMemory(Intro, NonceSize));
        var proof = new byte[JoinSecret.ProofSize];
        secret.Prove(isConnector: false, purpose, mine.Span, theirs.Span, proof);
        var isKnown = CryptographicOperations.FixedTimeEquals(proof, answer.AsSpan(Intro + NonceSize));
        if (isKnown)
            secret.Prove(isConnector: true, purpose, mine.Span, theirs.Span, proof);
        else
            proof.AsSpan().Clear(); // tells the other end why, and nothing else
        await stream.WriteAsync(proof, cancellationToken).ConfigureAwait(false);
        var status = new byte[1];
        if (!isKnown)
            throw Refused("its join secret is another one; give all processes the same JoinSecret");
        await stream.ReadExactlyAsync(status, cancellationToken).ConfigureAwait(false);
        if (status[0] != Welcome)
            throw Refused("it refuses the join secret; give all processes the same JoinSecret");
    }

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.Incompatible"/>: another secret, version, program or purpose.</exception>
    /// <exception cref="IOException">The connection ended.</exception>
    public static async ValueTask AcceptAsync(Stream stream, LinkPurpose purpose, JoinSecret secret, CancellationToken cancellationToken)
    {
        var hello = new byte[Intro + NonceSize];
        await stream.ReadExactlyAsync(hello.AsMemory(0, Intro), cancellationToken).ConfigureAwait(false);
        CheckMagic(hello);
        await stream.ReadExactlyAsync(hello.AsMemory(Intro), cancellationToken).ConfigureAwait(false);
        var status = hello[3] != Version ? WrongVersion : hello[4] != (byte)purpose ? WrongPurpose : Welcome;
        var answer = Begin(status, JoinSecret.ProofSize);
        if (status != Welcome)
        {
            await stream.WriteAsync(answer.AsMemory(0, Intro), cancellationToken).ConfigureAwait(false);
            throw Refused(status == WrongVersion
                ? $"it speaks version {hello[3]}, this process version {Version}"
                : $"it wants {(LinkPurpose)hello[4]}, but this is the address for {purpose}");
        }

        var (theirs, mine) = (hello.AsMemory(Intro, NonceSize), answer.AsMemory(Intro, NonceSize));
        secret.Prove(isConnector: false, purpose, theirs.Span, mine.Span, answer.AsSpan(Intro + NonceSize));
        await stream.WriteAsync(answer, cancellationToken).ConfigureAwait(false);

        var (proof, expected) = (new byte[JoinSecret.ProofSize], new byte[JoinSecret.ProofSize]);
        await stream.ReadExactlyAsync(proof, cancellationToken).ConfigureAwait(false);
        secret.Prove(isConnector: true, purpose, theirs.Span, mine.Span, expected);
        var isKnown = CryptographicOperations.FixedTimeEquals(proof, expected);
        if (!isKnown)
            await RefuseAsync(stream, cancellationToken).ConfigureAwait(false);
        await stream.WriteAsync(new[] { Welcome }, cancellationToken).ConfigureAwait(false);
    }

    private static async ValueTask RefuseAsync(Stream stream, CancellationToken cancellationToken)
    {
        try
        {
            await stream.WriteAsync(new[] { WrongSecret }, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // it has found out itself, and gone
        }

        throw Refused("its join secret is another one");
    }

    private static byte[] Begin(byte last, int extra)
    {
        var bytes = new byte[Intro + NonceSize + extra];
        "EEP"u8.CopyTo(bytes);
        (bytes[3], bytes[4]) = (Version, last);
        RandomNumberGenerator.Fill(bytes.AsSpan(Intro, NonceSize));
        return bytes;
    }

    private static void CheckIntro(ReadOnlySpan<byte> bytes)
    {
        CheckMagic(bytes);
        if (bytes[3] != Version)
            throw Refused($"it speaks version {bytes[3]}, this process version {Version}; run the same library version everywhere");
    }

    private static void CheckMagic(ReadOnlySpan<byte> bytes)
    {
        if (!bytes.StartsWith("EEP"u8))
            throw Refused("it is no ElasticEp process");
    }

    private static ElasticEpException Refused(string why) => new(ElasticEpErrorCode.Incompatible, $"The other end was not accepted: {why}.");
}
