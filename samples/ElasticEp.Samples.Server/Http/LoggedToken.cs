using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Server.Http;

/// <summary>A token among the log probabilities of a completion.</summary>
/// <param name="Token">Its id.</param>
/// <param name="Probabilities">Its own, then those of the best tokens; null for the first token of a prompt, before which there is nothing.</param>
/// <param name="Offset">Characters before it.</param>
internal readonly record struct LoggedToken(int Token, TokenProbability[]? Probabilities, int Offset);
