using System.Security.Cryptography;

namespace ElasticEp.Transports.Tcp.Connecting;

/// <summary>
/// The first bytes of every connection: both ends prove that they know the join secret, before either reads anything else. The
/// connector proves first: whoever only connects gets nothing that a weak secret could be tried against.
/// <code>
/// connector → acceptor   "EEP", lowest version, highest version, length, purpose, nonce[32]
/// acceptor → connector   "EEP", lowest version, highest version, length, status, nonce[32]
/// connector → acceptor   proof[32]
/// acceptor → connector   status, and proof[32] if the connector's was right
/// </code>
/// Each proof is made over all that both ends have sent before, so it is worth nothing for another purpose, in another connection,
/// or when somebody between them has changed a version.
/// </summary>
internal static class JoinHandshake
{
    /// <summary>The versions that this library speaks.</summary>
    public static readonly VersionRange Versions = new(2, 2);

    /// <param name="stream">A fresh connection.</param>
    /// <param name="purpose">What it is for.</param>
    /// <param name="secret">The join secret.</param>
    /// <param name="cancellationToken">Ends the wait for the other end.</param>
    /// <param name="versions">Instead of <see cref="Versions"/>, for tests.</param>
    /// <returns>The version that both ends use from here on.</returns>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.Incompatible"/>: another secret, version or program.</exception>
    /// <exception cref="IOException">The connection ended.</exception>
    public static async ValueTask<byte> ConnectAsync(Stream stream, LinkPurpose purpose, JoinSecret secret, CancellationToken cancellationToken, VersionRange? versions = null)
    {
        var mine = JoinIntro.Create(versions ?? Versions, (byte)purpose);
        await stream.WriteAsync(mine.Bytes, cancellationToken).ConfigureAwait(false);
        var theirs = await JoinIntro.ReadAsync(stream, mine.Versions, cancellationToken).ConfigureAwait(false);
        var version = mine.Versions.HighestCommon(theirs.Versions) ?? throw NoCommonVersion(theirs.Versions, mine.Versions);
        if ((JoinStatus)theirs.Subject == JoinStatus.WrongPurpose)
            throw Refused($"its address is not the one for {purpose}");
        if ((JoinStatus)theirs.Subject != JoinStatus.Welcome)
            throw Refused($"it answers with status {theirs.Subject}");

        await stream.WriteAsync(secret.Prove(isConnector: true, mine, theirs), cancellationToken).ConfigureAwait(false);
        var answer = new byte[1 + JoinSecret.ProofSize];
        await stream.ReadExactlyAsync(answer.AsMemory(0, 1), cancellationToken).ConfigureAwait(false);
        if ((JoinStatus)answer[0] != JoinStatus.Welcome)
            throw Refused("it has another join secret; give all processes the same JoinSecret");
        await stream.ReadExactlyAsync(answer.AsMemory(1), cancellationToken).ConfigureAwait(false);
        if (!CryptographicOperations.FixedTimeEquals(answer.AsSpan(1), secret.Prove(isConnector: false, mine, theirs)))
            throw Refused("it does not know the join secret, although it accepts one; give all processes the same JoinSecret");
        return version;
    }

    /// <inheritdoc cref="ConnectAsync"/>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.Incompatible"/>: another secret, version, program or purpose.</exception>
    public static async ValueTask<byte> AcceptAsync(Stream stream, LinkPurpose purpose, JoinSecret secret, CancellationToken cancellationToken, VersionRange? versions = null)
    {
        var spoken = versions ?? Versions;
        var theirs = await JoinIntro.ReadAsync(stream, spoken, cancellationToken).ConfigureAwait(false);
        var common = spoken.HighestCommon(theirs.Versions);
        var status = common is null ? JoinStatus.WrongVersion : theirs.Subject != (byte)purpose ? JoinStatus.WrongPurpose : JoinStatus.Welcome;
        var mine = JoinIntro.Create(spoken, (byte)status);
        await stream.WriteAsync(mine.Bytes, cancellationToken).ConfigureAwait(false);
        if (common is not { } version)
            throw NoCommonVersion(theirs.Versions, spoken);
        if (status == JoinStatus.WrongPurpose)
            throw Refused($"it wants {(LinkPurpose)theirs.Subject}, but this is the address for {purpose}");

        var proof = new byte[JoinSecret.ProofSize];
        await stream.ReadExactlyAsync(proof, cancellationToken).ConfigureAwait(false);
        if (!CryptographicOperations.FixedTimeEquals(proof, secret.Prove(isConnector: true, theirs, mine)))
            throw await RefuseAsync(stream, cancellationToken).ConfigureAwait(false);

        await stream.WriteAsync((byte[])[(byte)JoinStatus.Welcome, .. secret.Prove(isConnector: false, theirs, mine)], cancellationToken).ConfigureAwait(false);
        return version;
    }

    public static ElasticEpException Refused(string why) => new(ElasticEpErrorCode.Incompatible, $"The other end was not accepted: {why}.");

    private static async ValueTask<ElasticEpException> RefuseAsync(Stream stream, CancellationToken cancellationToken)
    {
        try
        {
            await stream.WriteAsync(new[] { (byte)JoinStatus.WrongSecret }, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // it has gone, and is refused all the same
        }

        return Refused("its join secret is another one");
    }

    private static ElasticEpException NoCommonVersion(VersionRange theirs, VersionRange ours) =>
        Refused($"it speaks {theirs} of the join handshake, this process {ours}; run releases that have one in common");
}
