using ElasticEp.Protocol;

namespace ElasticEp.Weights;

/// <summary>Receiver → source, on the control link: send me this range, in order, on the weights link.</summary>
internal sealed record WeightRequest
{
    /// <summary>Names the transfer in the frames that answer; never used twice by a receiver.</summary>
    public required long TransferId { get; init; }

    /// <summary>What is wanted.</summary>
    public required WeightItem Item { get; init; }

    /// <summary>First byte within the item.</summary>
    public long Offset { get; init; }

    /// <summary>Number of bytes; zero only when <see cref="IsCancel"/>.</summary>
    public long Length { get; init; }

    /// <summary>Digest of the receiver's manifest: positions mean the same only when both are equal.</summary>
    public ulong Manifest { get; init; }

    /// <summary>The transfer is no longer wanted; saves the bytes that were not sent yet.</summary>
    public bool IsCancel { get; init; }

    public void Write(WireWriter writer)
    {
        writer.Long(TransferId);
        writer.Byte((byte)Item.Kind);
        writer.Int(Item.Layer);
        writer.Int(Item.Index);
        writer.Long(Offset);
        writer.Long(Length);
        writer.ULong(Manifest);
        writer.Bool(IsCancel);
    }

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/> for malformed bytes.</exception>
    public static WeightRequest Read(ref WireReader reader)
    {
        var request = new WeightRequest
        {
            TransferId = reader.Long(),
            Item = new WeightItem((WeightKind)reader.Byte(), reader.Int(), reader.Int()),
            Offset = reader.Long(),
            Length = reader.Long(),
            Manifest = reader.ULong(),
            IsCancel = reader.Bool(),
        };
        var isSound = request is { TransferId: >= 0, Item: { Kind: WeightKind.Dense or WeightKind.Expert, Layer: >= 0, Index: >= 0 }, Offset: >= 0 }
            && (request.IsCancel ? request.Length == 0 : request.Length > 0);
        return isSound ? request : throw WireReader.Malformed($"a weight request is {request}");
    }
}
