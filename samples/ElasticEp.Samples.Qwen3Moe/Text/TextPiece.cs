namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>A piece of a prompt.</summary>
/// <param name="Text">Its text.</param>
/// <param name="IsMarkup">Whether names of special tokens in it are those tokens; in what somebody says they are letters.</param>
public readonly record struct TextPiece(string Text, bool IsMarkup);
