namespace ElasticEp.Samples.Tests.Model;

/// <summary>One golden case.</summary>
internal sealed record GoldenCase(string Prompt, int[] PromptIds, int[] GreedyIds, string Text, (int Token, double LogProbability)[] FirstStep, double[] FirstLogits);
