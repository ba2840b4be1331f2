using ElasticEp.Protocol;

namespace ElasticEp.Events;

/// <summary>One effect. A struct, because some come in every step.</summary>
internal readonly record struct RankEffect(RankEffectKind Kind)
{
    public int Peer { get; init; }

    public long Epoch { get; init; }

    public long Step { get; init; }

    /// <summary>Attempt of the step; version of the record; committed stages of the operation (EnterView).</summary>
    public long Number { get; init; }

    public bool Flag { get; init; }

    public long NextEpoch { get; init; }

    public ulong NextDigest { get; init; }

    public string? Operation { get; init; }

    public object? Payload { get; init; }

    public static RankEffect Send(int peer, ProtocolMessage message) => new(RankEffectKind.Send) { Peer = peer, Payload = message };

    public static RankEffect Connect(int peer, string address) => new(RankEffectKind.Connect) { Peer = peer, Payload = address };
}
