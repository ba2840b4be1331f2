using System.Text.Json.Nodes;
using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Samples.Tests.Model;

/// <summary>What a checkpoint's files say beside its weights, and weights in other layouts.</summary>
public sealed class CheckpointTests
{
    private const int Hidden = 128, Inner = 64, Experts = 32, Layers = 4;

    [Fact]
    public void All_end_tokens_of_both_files_end_a_text()
    {
        using var model = new ModelFolder();
        model.Edit("config.json", config => config["eos_token_id"] = 2);
        model.Edit("generation_config.json", config => config["eos_token_id"] = new JsonArray(2, 0, 5));
        Assert.Equal([2, 0, 5], Checkpoint.Open(model.Directory).Config.EndTokens);
        Assert.Equal([2, 7], Checkpoint.Open(model.Directory, new GenerationConfig { EndTokens = [7] }).Config.EndTokens);
        model.Delete("generation_config.json");
        var alone = Checkpoint.Open(model.Directory).Config;
        Assert.Equal([2], alone.EndTokens);
        Assert.Equal([2, 9], Qwen3MoeConfig.Parse(ModelSource.Describe(model.Directory, alone with { EndTokens = [2, 9] })).EndTokens);
    }

    [Fact]
    public void Generation_defaults_are_read_and_may_be_left_out()
    {
        using var model = new ModelFolder();
        model.Write("generation_config.json", """{"do_sample": true, "temperature": 0.6, "top_k": 20, "top_p": 0.95, "min_p": 0, "repetition_penalty": 1.05, "max_new_tokens": 32768, "eos_token_id": [151645, 151643]}""");
        var read = GenerationConfig.Load(model.Directory);
        Assert.Equal((0.6f, 20, 0.95f, 0f, 1.05f, 32768), (read.Temperature, read.TopK, read.TopP, read.MinP, read.RepetitionPenalty, read.MaxNewTokens));
        Assert.Equal([151645, 151643], read.EndTokens);
        var without = read.WithoutSampling();
        Assert.Equal((null, null, null, null, null, null), (without.Temperature, without.TopK, without.TopP, without.MinP, without.RepetitionPenalty, without.MaxNewTokens));
        Assert.Equal(read.EndTokens, without.EndTokens);
        model.Delete("generation_config.json");
        Assert.Empty(GenerationConfig.Load(model.Directory).EndTokens);
    }

    [Theory]
    [InlineData("""{"temperature": -1}""", "'temperature' is -1; a number from 0 to 2 was expected")]
    [InlineData("""{"temperature": "hot"}""", "'temperature' is \"hot\"")]
    [InlineData("""{"top_p": 0}""", "'top_p' is 0")]
    [InlineData("""{"eos_token_id": "end"}""", "'eos_token_id' is \"end\"")]
    [InlineData("{", "is not valid JSON")]
    public void Generation_defaults_that_make_no_sense_are_named(string json, string words)
    {
        using var model = new ModelFolder();
        model.Write("generation_config.json", json);
        Assert.Contains(words, Assert.Throws<ModelLoadException>(() => GenerationConfig.Load(model.Directory)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Fused_experts_give_the_same_tokens()
    {
        using var model = new ModelFolder();
        model.EditTensors(tensors =>
        {
            for (var layer = 0; layer < Layers; layer++)
                Fuse(tensors, layer);
        });
        var single = new SingleProcess(model.Directory);
        foreach (var golden in GoldenFile.Cases.Take(4))
            Assert.Equal(golden.GreedyIds, single.Generate(golden.PromptIds, golden.GreedyIds.Length));
    }

    [Theory]
    [InlineData("no down", "'model.layers.1.mlp.experts.down_proj' is missing")]
    [InlineData("transposed", "[32, 128, 128]; config.json asks for [32, 128, 64]")]
    [InlineData("both", "is there by itself and among fused experts")]
    public void Fused_experts_that_are_not_whole_are_refused(string fault, string words)
    {
        using var model = new ModelFolder();
        model.EditTensors(tensors =>
        {
            var spare = tensors["model.layers.1.mlp.experts.3.up_proj.weight"];
            Fuse(tensors, 1);
            if (fault == "no down")
                tensors.Remove("model.layers.1.mlp.experts.down_proj");
            else if (fault == "transposed")
                tensors["model.layers.1.mlp.experts.down_proj"] = ([Experts, Hidden, Hidden], new byte[Experts * Hidden * Hidden * 2]);
            else
                tensors["model.layers.1.mlp.experts.3.up_proj.weight"] = spare;
        });
        Assert.Contains(words, Assert.Throws<ModelLoadException>(() => Checkpoint.Open(model.Directory)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_longest_sequence_is_what_the_cache_has_room_for()
    {
        var config = Qwen3MoeConfig.Load(EmbeddedModel.Directory) with { MaxPositions = 1_000_000 };
        var pageBytes = new KvCachePool(config).PageBytes;
        var limits = Qwen3Limits.Of(config, rows: 16);
        Assert.Equal((int)(Qwen3Limits.DefaultCacheBytes / pageBytes), limits.Pages);
        Assert.Equal(limits.Pages * limits.PageSize, limits.Positions);
        Assert.Equal(1_000_000, Qwen3Limits.Of(config, rows: 16, positions: 1_000_000).Positions);
        Assert.Equal(1_000_000 / KvCachePool.PageSize, Qwen3Limits.Of(config, rows: 16, positions: 1_000_000).Pages);
        Assert.Equal(48, Qwen3Limits.Of(config, rows: 16, cacheBytes: (3 * pageBytes) + 1).Positions);
        Assert.Equal(2048, Qwen3Limits.Of(config with { MaxPositions = 2048 }, rows: 16).Positions);
    }

    private static void Fuse(Dictionary<string, (int[] Shape, byte[] Data)> tensors, int layer)
    {
        var (gateUp, down) = (new List<byte>(), new List<byte>());
        for (var expert = 0; expert < Experts; expert++)
        {
            gateUp.AddRange(Take(expert, "gate_proj"));
            gateUp.AddRange(Take(expert, "up_proj"));
            down.AddRange(Take(expert, "down_proj"));
        }

        tensors[$"model.layers.{layer}.mlp.experts.gate_up_proj"] = ([Experts, 2 * Inner, Hidden], [.. gateUp]);
        tensors[$"model.layers.{layer}.mlp.experts.down_proj"] = ([Experts, Hidden, Inner], [.. down]);

        byte[] Take(int expert, string part)
        {
            Assert.True(tensors.Remove($"model.layers.{layer}.mlp.experts.{expert}.{part}.weight", out var tensor));
            return tensor.Data;
        }
    }
}
