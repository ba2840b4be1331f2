namespace ElasticEp.Samples.Tests.Server;

/// <summary>The group as /elastic/view shows it.</summary>
/// <param name="Ranks">Members.</param>
/// <param name="Incarnations">Their processes.</param>
/// <param name="ProcessIds">Their ids; zero where it is not known.</param>
/// <param name="ExpertsHeld">Experts of the first MoE layer on all ranks together.</param>
/// <param name="Outstanding">Requests that are queued or running.</param>
/// <param name="HandBacks">Requests that were handed back in the middle.</param>
/// <param name="Standbys">How far the weights are of each process that waits to be admitted.</param>
internal sealed record ServerView(int[] Ranks, long[] Incarnations, int[] ProcessIds, int ExpertsHeld, int Outstanding, long HandBacks, string[] Standbys);
