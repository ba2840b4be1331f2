using System.Text.Json;
using System.Text.Json.Nodes;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Serving;
using ElasticEp.Samples.Tests.Model;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>Log probabilities of prompts, compared with those of the model alone.</summary>
public sealed class PromptScoreTests
{
    private static readonly TextCodec Codec = TextCodec.Load(EmbeddedModel.Directory);
    private static readonly SingleProcess Model = new();

    /// <summary>A context and its greedy continuation, and another one that is not.</summary>
    private static readonly int[][] Scored =
    [
        [.. GoldenFile.Cases[0].PromptIds, .. GoldenFile.Cases[0].GreedyIds[..20]],
        [.. GoldenFile.Cases[1].PromptIds, .. GoldenFile.Cases[3].GreedyIds[..50]],
    ];

    /// <summary>The request that lm-evaluation-harness sends: the sum of the continuation's log probabilities, and whether it is the greedy one.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task The_likelihood_of_a_continuation_is_that_of_the_model(int ranks)
    {
        await using var server = await TestServer.StartAsync(ranks);
        var choices = await server.ChoicesAsync(new JsonObject
        {
            ["prompt"] = new JsonArray([.. Scored.Select(Completions.Ids)]),
            ["temperature"] = 0,
            ["max_tokens"] = 1,
            ["logprobs"] = 1,
            ["seed"] = 1234,
            ["echo"] = true,
            ["return_tokens_as_token_ids"] = true,
        });
        Assert.Equal(Scored.Length, choices.Length);
        for (var i = 0; i < Scored.Length; i++)
        {
            var expected = Expected(Scored[i], 1);
            var logprobs = choices[i].GetProperty("logprobs");
            var (own, top) = (logprobs.GetProperty("token_logprobs").EnumerateArray().ToArray(), logprobs.GetProperty("top_logprobs").EnumerateArray().ToArray());
            Assert.Equal((Scored[i].Length + 1, Scored[i].Length + 1), (own.Length, top.Length)); // with the generated one
            Assert.Equal((JsonValueKind.Null, JsonValueKind.Null), (own[0].ValueKind, top[0].ValueKind));
            Assert.Equal(expected.Select(scores => scores[0].LogProbability), own[1..^1].Select(value => value.GetSingle()));
            Assert.Equal(expected.Select(scores => scores[1].LogProbability), top[1..^1].Select(entry => entry.EnumerateObject().Max(each => each.Value.GetSingle())));
            for (var at = 1; at < Scored[i].Length; at++)
                Assert.Equal(own[at].GetSingle(), top[at].GetProperty($"token_id:{Scored[i][at]}").GetSingle()); // the actual token is always there
        }

        Assert.All(Ranks(0), rank => Assert.Equal(1, rank)); // what the test assumes: the one is the greedy continuation, and the other is not
        Assert.Contains(Ranks(1), rank => rank > 1);

        static IEnumerable<int> Ranks(int scored) => Expected(Scored[scored], 0)[(GoldenFile.Cases[scored].PromptIds.Length - 1)..].Select(scores => scores[0].Rank);
    }

    [Fact]
    public async Task Echo_without_anything_to_generate_is_the_prompt_with_its_log_probabilities()
    {
        await using var server = await TestServer.StartAsync(1);
        var body = new JsonObject { ["prompt"] = "import os\n\ndef ", ["echo"] = true, ["max_tokens"] = 0, ["logprobs"] = 0, ["return_token_ids"] = true };
        var answer = await server.AnswerAsync(body);
        var choice = answer.GetProperty("choices")[0];
        Assert.Equal(("import os\n\ndef ", "length", 0), (choice.Text(), choice.GetProperty("finish_reason").GetString(), choice.TokenIds().Length));
        var ids = Codec.Encode("import os\n\ndef ");
        var logprobs = choice.GetProperty("logprobs");
        Assert.Equal(ids.Select(id => Codec.Decode([id])), logprobs.GetProperty("tokens").EnumerateArray().Select(token => token.GetString()));
        Assert.Equal(Expected(ids, 0).Select(scores => scores[0].LogProbability), logprobs.GetProperty("token_logprobs").EnumerateArray().Skip(1).Select(value => value.GetSingle()));
        var (usage, offsets) = (answer.GetProperty("usage"), logprobs.GetProperty("text_offset").EnumerateArray().Select(offset => offset.GetInt32()).ToArray());
        Assert.Equal((ids.Length, 0), (usage.GetProperty("prompt_tokens").GetInt32(), usage.GetProperty("completion_tokens").GetInt32()));
        Assert.Equal(ids.Select((_, i) => Codec.Decode(ids[..i]).Length), offsets);
        Assert.Equal("import os\n\ndef ", (await server.ChoiceAsync(body.With(("logprobs", null)))).Text());
        Assert.Contains("max_tokens is 0", await server.RefusedAsync(body.With(("echo", null)), "max_tokens"), StringComparison.Ordinal);

        var events = await server.StreamAsync(body.With(("stream_options", new JsonObject { ["include_usage"] = true })));
        Assert.Equal(2, events.Length);
        Assert.Equal(logprobs.ToString(), events[0].GetProperty("choices")[0].GetProperty("logprobs").ToString());
        Assert.Equal(0, events[1].GetProperty("usage").GetProperty("completion_tokens").GetInt32());
    }

    [Fact]
    public async Task Prompt_logprobs_have_each_token_with_its_rank_and_the_best_beside_it()
    {
        await using var server = await TestServer.StartAsync(2);
        var ids = Scored[1];
        var told = (await server.ChoiceAsync(new JsonObject { ["prompt"] = Completions.Ids(ids), ["max_tokens"] = 2, ["prompt_logprobs"] = 3 })).GetProperty("prompt_logprobs");
        Check(told, ids, 3);

        var chat = await server.AnswerAsync(new JsonObject { ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "a" }), ["max_tokens"] = 1, ["return_token_ids"] = true, ["prompt_logprobs"] = 2 }, Completions.ChatPath);
        Check(chat.GetProperty("prompt_logprobs"), [.. chat.GetProperty("choices")[0].GetProperty("prompt_token_ids").EnumerateArray().Select(id => id.GetInt32())], 2);
        var streamed = new JsonObject { ["prompt"] = Completions.Ids(ids), ["prompt_logprobs"] = 1, ["stream"] = true };
        Assert.Equal("prompt_logprobs cannot be streamed; leave stream out.", await server.RefusedAsync(streamed, "prompt_logprobs"));
        await server.RefusedAsync(new JsonObject { ["prompt"] = "a", ["prompt_logprobs"] = 21 }, "prompt_logprobs");
        var many = new JsonObject { ["prompt"] = Completions.Ids(Enumerable.Repeat(1, 1000)), ["n"] = 128, ["prompt_logprobs"] = 20 };
        Assert.Contains("take 32256000 bytes", await server.RefusedAsync(many, "prompt_logprobs"), StringComparison.Ordinal);
        Assert.Contains("take 32256000 bytes", await server.RefusedAsync(many.With(("prompt_logprobs", null), ("logprobs", 20), ("echo", true)), "logprobs"), StringComparison.Ordinal);
    }

    /// <summary>Pages run out, so that requests begin again on whatever rank, while the group grows.</summary>
    [Fact]
    public async Task Scores_and_adjusted_tokens_are_the_same_through_a_resize_and_when_pages_are_taken()
    {
        await using var server = await TestServer.StartAsync(2, "--kv-cache-memory-bytes", $"{20 * 32_768}", "--max-model-len", "224");
        var bodies = GoldenFile.Cases.Take(12).Select((golden, i) => new JsonObject
        {
            ["prompt"] = Completions.Ids(golden.PromptIds.Concat(golden.GreedyIds[..40])),
            ["max_tokens"] = 60,
            ["temperature"] = i % 2,
            ["seed"] = i,
            ["ignore_eos"] = true,
            ["return_token_ids"] = true,
            ["prompt_logprobs"] = 1,
            ["repetition_penalty"] = 1.3,
            ["frequency_penalty"] = 0.5,
            ["presence_penalty"] = 0.25,
            ["bad_words"] = new JsonArray("self", "return None"),
        }).ToArray();
        var alone = new List<string>();
        foreach (var body in bodies)
            alone.Add((await server.ChoiceAsync(body)).ToString());
        var rounds = Task.WhenAll(Enumerable.Range(0, 4).SelectMany(_ => bodies).Select(body => server.ChoiceAsync(body)));
        await server.ScaleAsync(new { new_data_parallel_size = 4 });
        await server.ScaleAsync(new { new_data_parallel_size = 1 });
        var choices = await rounds.WaitAsync(TestServer.Deadline, TestContext.Current.CancellationToken);
        for (var i = 0; i < choices.Length; i++)
            Assert.Equal(alone[i % bodies.Length], choices[i].ToString());
        Assert.True(server.FrontEnd.HandBacks > 0, "no request has moved in the middle");
        for (var i = 0; i < bodies.Length; i++)
            Check(choices[i].GetProperty("prompt_logprobs"), [.. bodies[i]["prompt"]!.AsArray().Select(id => (int)id!)], 1);
    }

    private static void Check(JsonElement told, int[] ids, int count)
    {
        var expected = Expected(ids, count);
        Assert.Equal((ids.Length, JsonValueKind.Null), (told.GetArrayLength(), told[0].ValueKind));
        for (var i = 1; i < ids.Length; i++)
        {
            var entries = expected[i - 1].DistinctBy(entry => entry.Token).ToArray();
            Assert.Equal(entries.Select(entry => $"{entry.Token}"), told[i].EnumerateObject().Select(each => each.Name));
            foreach (var entry in entries)
            {
                var each = told[i].GetProperty($"{entry.Token}");
                Assert.Equal((entry.LogProbability, entry.Rank), (each.GetProperty("logprob").GetSingle(), each.GetProperty("rank").GetInt32()));
                Assert.Equal(Codec.Decode([entry.Token]), each.GetProperty("decoded_token").GetString());
            }
        }
    }

    /// <summary>Scores of the tokens from the second one on, by the model alone.</summary>
    private static TokenProbability[][] Expected(int[] ids, int count)
    {
        lock (Model)
        {
            var logits = Model.Forward(new SequenceChunk(Model.NewCache(), ids, 0));
            return [.. ids.Skip(1).Select((id, i) => Sampler.Score(logits[i], id, count))];
        }
    }
}
