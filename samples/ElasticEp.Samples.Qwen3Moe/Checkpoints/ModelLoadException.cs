namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>A checkpoint cannot be used. The message names the file, the tensor or key, what was found and what was expected.</summary>
public sealed class ModelLoadException(string message, Exception? inner = null) : Exception(message, inner);
