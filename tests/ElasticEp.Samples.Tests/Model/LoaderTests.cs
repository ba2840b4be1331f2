using System.Text.Json.Nodes;
using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Samples.Tests.Model;

public sealed class LoaderTests
{
    [Theory]
    [InlineData("plain")]
    [InlineData("bfloat16")]
    [InlineData("no norm_topk_prob")]
    [InlineData("no head_dim")]
    [InlineData("newer spelling")]
    [InlineData("a dense layer")]
    [InlineData("every second layer sparse")]
    [InlineData("untied head")]
    [InlineData("a shard with an index")]
    public void Variants_of_the_layout_load_and_give_finite_logits(string variant)
    {
        using var checkpoint = new SyntheticCheckpoint();
        Apply(variant, checkpoint.Config);
        var isSharded = variant == "a shard with an index";
        checkpoint.Write(isFloat: variant != "bfloat16", isSharded ? "model-00001-of-00001.safetensors" : "model.safetensors");
        if (isSharded)
            checkpoint.WriteIndex("model-00001-of-00001.safetensors");
        var model = new SingleProcess(checkpoint.Directory);
        var logits = model.Forward(new SequenceChunk(new KvCache(model.Model.Config), new[] { 1, 2, 3, 31 }, 0));
        Assert.All(logits, row => Assert.All(row, logit => Assert.True(float.IsFinite(logit))));
    }

    [Fact]
    public void A_folder_or_config_that_is_missing_or_wrong_is_named()
    {
        using var checkpoint = new SyntheticCheckpoint();
        Refused("/no/such/model", "/no/such/model");
        Refused(checkpoint.Directory, "config.json");
        File.WriteAllText(Path.Combine(checkpoint.Directory, "config.json"), "{");
        Refused(checkpoint.Directory, "not valid JSON");
        checkpoint.Config["architectures"] = new JsonArray("LlamaForCausalLM");
        checkpoint.WriteConfig();
        Refused(checkpoint.Directory, "LlamaForCausalLM");
        checkpoint.Config["architectures"] = new JsonArray("Qwen3MoeForCausalLM");
        checkpoint.Config["hidden_size"] = "wide";
        checkpoint.WriteConfig();
        Refused(checkpoint.Directory, "'hidden_size' is \"wide\"");
        checkpoint.Config["hidden_size"] = 16;
        checkpoint.WriteConfig();
        Refused(checkpoint.Directory, "model.safetensors does not exist");
    }

    [Fact]
    public void A_truncated_file_is_named()
    {
        using var checkpoint = new SyntheticCheckpoint().Write();
        using (var file = File.OpenWrite(checkpoint.ModelFile))
            file.SetLength(file.Length - 10);
        Refused(checkpoint.Directory, "truncated");
        File.WriteAllBytes(checkpoint.ModelFile, [1, 2, 3]);
        Refused(checkpoint.Directory, "no safetensors file");
        File.WriteAllBytes(checkpoint.ModelFile, [255, 255, 255, 255, 255, 255, 255, 127, 0]);
        Refused(checkpoint.Directory, "header of");
    }

    [Fact]
    public void Headers_that_do_not_fit_are_refused()
    {
        SpoiledIsRefused(header => header.Remove("model.norm.weight"), "'model.norm.weight' is missing");
        SpoiledIsRefused(header => header["model.norm.weight"]!["shape"] = new JsonArray(4, 4), "[4, 4]");
        SpoiledIsRefused(header => header["model.norm.weight"]!["shape"] = new JsonArray(17), "needs 68 bytes");
        SpoiledIsRefused(header => header["model.norm.weight"]!["dtype"] = "I8", "I8");
        SpoiledIsRefused(header => header["model.norm.weight"]!["data_offsets"] = new JsonArray(0, 64), "overlaps");
        SpoiledIsRefused(header => header["model.norm.weight"]!["data_offsets"] = new JsonArray(64, 0), "offsets");
        SpoiledIsRefused(header => header["model.norm.weight"]!.AsObject().Remove("shape"), "malformed");
    }

    [Theory]
    [InlineData("../model.safetensors")]
    [InlineData("/etc/passwd")]
    [InlineData("a/b.safetensors")]
    [InlineData("..")]
    [InlineData("a\\b.safetensors")]
    public void A_shard_may_not_leave_its_folder(string shard)
    {
        using var checkpoint = new SyntheticCheckpoint().Write();
        checkpoint.WriteIndex(shard);
        Refused(checkpoint.Directory, "same folder");
    }

    private static void Apply(string variant, JsonObject config)
    {
        switch (variant)
        {
            case "no norm_topk_prob":
                config.Remove("norm_topk_prob");
                break;
            case "no head_dim":
                config.Remove("head_dim");
                break;
            case "newer spelling":
                config.Remove("num_experts");
                config.Remove("rope_theta");
                config["num_local_experts"] = 4;
                config["rope_parameters"] = new JsonObject { ["rope_theta"] = 50000.0, ["rope_type"] = "default" };
                break;
            case "a dense layer":
                config["mlp_only_layers"] = new JsonArray(0);
                break;
            case "every second layer sparse":
                config["decoder_sparse_step"] = 2;
                break;
            case "untied head":
                config["tie_word_embeddings"] = false;
                break;
        }
    }

    private static void SpoiledIsRefused(Action<JsonObject> spoil, string words)
    {
        using var checkpoint = new SyntheticCheckpoint { SpoilHeader = spoil }.Write();
        Refused(checkpoint.Directory, words);
    }

    private static void Refused(string directory, string words) =>
        Assert.Contains(words, Assert.Throws<ModelLoadException>(() => Checkpoint.Open(directory)).Message, StringComparison.Ordinal);
}
