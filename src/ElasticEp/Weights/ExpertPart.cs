namespace ElasticEp.Weights;

/// <summary>One named byte range of every expert of a layer, for example its gate projection.</summary>
/// <param name="Name">Name, unique within the expert.</param>
/// <param name="ByteLength">Its length in bytes.</param>
public sealed record ExpertPart(string Name, long ByteLength);
