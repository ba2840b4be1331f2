namespace ElasticEp.Samples.Serving.FrontEnds;

/// <summary>A request that a member was given, and that its statement does not count yet.</summary>
/// <param name="Number">Number of the assignment to this member.</param>
/// <param name="Request">Number of the request.</param>
/// <param name="Pages">Pages for its tokens so far and the next one.</param>
/// <param name="Tokens">Its tokens so far.</param>
/// <param name="Cost">Cost of computing them.</param>
/// <param name="Waits">Whether it is to wait there for room.</param>
internal readonly record struct UnstatedRequest(int Number, long Request, int Pages, int Tokens, double Cost, bool Waits);
