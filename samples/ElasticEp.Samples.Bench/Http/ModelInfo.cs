namespace ElasticEp.Samples.Bench.Http;

/// <summary>What a server says of a model.</summary>
/// <param name="Id">Its name.</param>
/// <param name="MaxLength">Most tokens of prompt and answer together, if it says so.</param>
/// <param name="VocabularySize">Size of the vocabulary, if it says so.</param>
internal sealed record ModelInfo(string Id, int? MaxLength, int? VocabularySize);
