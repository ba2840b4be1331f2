namespace ElasticEp.Weights;

/// <summary>Why a source does not send; in the count field of an empty weight frame whose flags are <see cref="WeightFrames.Refused"/>.</summary>
internal enum WeightRefusal
{
    /// <summary>The source does not hold the item, or not yet, or not any more.</summary>
    NotHeld = 1,

    /// <summary>There is no such item, or the range is outside it.</summary>
    OutOfRange = 2,

    /// <summary>The two ranks' manifests differ.</summary>
    OtherManifest = 3,
}
