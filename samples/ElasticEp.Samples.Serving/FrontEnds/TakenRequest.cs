namespace ElasticEp.Samples.Serving.FrontEnds;

/// <summary>A request that was taken from a member.</summary>
/// <param name="Request">Its number.</param>
/// <param name="Member">The member.</param>
/// <param name="Tokens">Tokens that were released until then.</param>
/// <param name="IsLost">Whether the member is gone; otherwise it has handed the request back.</param>
internal readonly record struct TakenRequest(long Request, MemberId Member, int Tokens, bool IsLost);
