using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Server.Http;

/// <summary>A token of a choice and what it adds.</summary>
/// <param name="Index">Place of the choice in the answer.</param>
/// <param name="IsFirst">Whether it is the first of the choice.</param>
/// <param name="Text">Text that it completes; may be empty.</param>
/// <param name="Token">The token.</param>
/// <param name="Finish">Whether the choice ends with it.</param>
/// <param name="StopText">The stop text that ended it, or null.</param>
/// <param name="StopToken">The stop token that ended it, or null, also for a token of the model's own.</param>
/// <param name="Offset">Characters of the choice that the tokens before this one have, whatever is held back of them.</param>
internal readonly record struct ChoiceDelta(int Index, bool IsFirst, string Text, ReleasedToken Token, FinishReason Finish, string? StopText, int? StopToken, int Offset);
