namespace ElasticEp.Samples.Serving.FrontEnds;

/// <summary>A member that does not answer, so that its requests go to others.</summary>
/// <param name="Member">The member.</param>
/// <param name="Requests">How many it had.</param>
/// <param name="Silence">For how long nothing has come from it.</param>
internal readonly record struct UnansweringMember(MemberId Member, int Requests, TimeSpan Silence);
