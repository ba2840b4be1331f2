namespace ElasticEp.Scaling;

/// <summary>A rank that is to be started.</summary>
/// <param name="Group">Name of the group.</param>
/// <param name="Rank">The rank it is to take.</param>
/// <param name="Operation">The operation that wants it.</param>
public sealed record RankLaunch(string Group, int Rank, string Operation);
