namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>A token that is found in a text before anything else is done with it.</summary>
/// <param name="Content">Its letters.</param>
/// <param name="Id">Its id.</param>
/// <param name="IsSpecial">Whether it belongs to the model alone: not to what users say, nor to the text of an answer.</param>
internal sealed record AddedToken(string Content, int Id, bool IsSpecial);
