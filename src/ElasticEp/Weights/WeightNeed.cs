using System.Collections.Immutable;

namespace ElasticEp.Weights;

/// <summary>Something that a receiver wants from its peers.</summary>
/// <param name="Item">What.</param>
/// <param name="Name">The same in words, for errors.</param>
/// <param name="Destination">Where it goes; its length is the item's.</param>
/// <param name="Holders">Members that have it, the preferred one first.</param>
internal sealed record WeightNeed(WeightItem Item, string Name, EpBuffer Destination, ImmutableArray<MemberId> Holders)
{
    /// <summary>Whether another need is for the same bytes in the same place.</summary>
    public bool IsSame(WeightNeed other) =>
        Item == other.Item && Destination.Pointer == other.Destination.Pointer && Destination.ByteLength == other.Destination.ByteLength;
}
