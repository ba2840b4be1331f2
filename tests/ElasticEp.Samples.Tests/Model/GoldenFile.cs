using System.Text.Json;
using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Samples.Tests.Model;

/// <summary>The continuations that an independent implementation computed.</summary>
internal static class GoldenFile
{
    public static IReadOnlyList<GoldenCase> Cases { get; } = Read();

    private static GoldenCase[] Read()
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(EmbeddedModel.Directory, "golden.json")));
        return [.. document.RootElement.GetProperty("cases").EnumerateArray().Select(item => new GoldenCase(
            item.GetProperty("prompt").GetString()!,
            Ids(item, "prompt_token_ids"),
            Ids(item, "greedy_token_ids"),
            item.GetProperty("text").GetString()!,
            [.. item.GetProperty("first_step_top5").EnumerateArray().Select(pair => (pair[0].GetInt32(), pair[1].GetDouble()))],
            [.. item.GetProperty("first_step_logits_head").EnumerateArray().Select(logit => logit.GetDouble())]))];
    }

    private static int[] Ids(JsonElement item, string name) => [.. item.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];
}
