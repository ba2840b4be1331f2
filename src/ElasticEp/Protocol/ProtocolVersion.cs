using ElasticEp.Transport;

namespace ElasticEp.Protocol;

/// <summary>
/// Versions of what processes of a group tell each other: the record, registrations and messages. A later version only appends fields, so
/// that a process reads what it knows of anything newer, until a version raises <see cref="Lowest"/>.
/// </summary>
internal static class ProtocolVersion
{
    /// <summary>What this library writes, unless somebody who has to read it knows only an earlier one.</summary>
    public const byte Current = 11;

    /// <summary>The earliest that this library reads.</summary>
    public const byte Lowest = 11;

    /// <summary>Nothing is read of a peer that would misread what this process writes.</summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.Incompatible"/>.</exception>
    public static void Check(PeerIdentity peer)
    {
        if (peer.ReadsVersion < Lowest)
            throw new ElasticEpException(ElasticEpErrorCode.Incompatible, $"{peer.Id} reads version {peer.ReadsVersion} of the group's messages, this process {Lowest} and later; update it (0: its transport does not carry PeerIdentity.ReadsVersion).") { Rank = peer.Id.Rank };
    }
}
