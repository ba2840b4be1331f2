using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Server.Http;
using ElasticEp.Samples.Serving;
using ElasticEp.Samples.Tests.Model;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>What a request says is what is done.</summary>
public sealed class RequestFieldTests : IAsyncLifetime
{
    private const int Count = 24;

    private static readonly TextCodec Codec = TextCodec.Load(EmbeddedModel.Directory);
    private static readonly GoldenCase Golden = GoldenFile.Cases[0]; // join(path, pat):\n    """\n    Whether patches we …
    private static readonly JsonObject Greedy = new() { ["prompt"] = Golden.Prompt, ["max_tokens"] = Count, ["temperature"] = 0, ["return_token_ids"] = true };
    private static readonly int[] Plain = Golden.GreedyIds[..Count];
    private static readonly string PlainText = Codec.Decode(Plain);

    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync(1);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Penalties_are_counted_from_the_text_so_far()
    {
        Assert.Equal(Plain, await TokensAsync(("presence_penalty", 0), ("frequency_penalty", 0.0), ("repetition_penalty", 1)));
        await CheckAsync(new LogitAdjustments { PresencePenalty = 1.5f }, ("presence_penalty", 1.5));
        await CheckAsync(new LogitAdjustments { FrequencyPenalty = 0.75f }, ("frequency_penalty", 0.75));
        await CheckAsync(new LogitAdjustments { RepetitionPenalty = 1.5f }, ("repetition_penalty", 1.5));
        await CheckAsync(new LogitAdjustments { RepetitionPenalty = 1.25f, FrequencyPenalty = 0.5f, PresencePenalty = 0.5f }, ("repetition_penalty", 1.25), ("frequency_penalty", 0.5), ("presence_penalty", 0.5));
    }

    [Fact]
    public async Task A_bias_makes_a_token_come_or_not_and_is_cut_at_100()
    {
        Assert.Equal(Enumerable.Repeat(100, Count), await TokensAsync(("logit_bias", new JsonObject { ["100"] = 1e9 })));
        var without = await TokensAsync(("logit_bias", new JsonObject { [$"{Plain[0]}"] = -100 }));
        Assert.NotEqual(Plain[0], without[0]);
        await CheckAsync(new LogitAdjustments { Biases = [new TokenBias(Plain[3], -2.5f)] }, ("logit_bias", new JsonObject { [$"{Plain[3]}"] = -2.5 }));
    }

    [Fact]
    public async Task Only_allowed_tokens_come_and_bad_words_do_not()
    {
        int[] allowed = [19, 20, 21, 16];
        Assert.All(await TokensAsync(("allowed_token_ids", Completions.Ids(allowed)), ("temperature", 1), ("seed", 3)), token => Assert.Contains(token, allowed));
        foreach (var word in (string[])["path", " path", "patches we want"])
        {
            var ids = await TokensAsync(("bad_words", new JsonArray(word)));
            string[] banned = [Sequence(Codec.Encode(word.TrimStart())), Sequence(Codec.Encode($" {word.TrimStart()}"))];
            Assert.Contains(banned, sequence => Sequence(Plain).Contains(sequence, StringComparison.Ordinal));
            Assert.All(banned, sequence => Assert.DoesNotContain(sequence, Sequence(ids), StringComparison.Ordinal));
        }

        static string Sequence(int[] ids) => $",{string.Join(',', ids)},";
    }

    [Fact]
    public async Task Nothing_ends_a_text_before_it_has_enough_tokens()
    {
        var (early, late) = (Codec.Decode(Plain[2..4]), Codec.Decode(Plain[12..14]));
        var stopped = await _server.ChoiceAsync(Greedy.With(("stop", new JsonArray(early, late)), ("min_tokens", 6)));
        Assert.Equal((PlainText[..PlainText.IndexOf(late, StringComparison.Ordinal)], late), (stopped.Text(), stopped.GetProperty("stop_reason").GetString()));

        var ids = await TokensAsync(("stop_token_ids", Completions.Ids([Plain[2]])), ("min_tokens", 6));
        Assert.DoesNotContain(Plain[2], ids[..6]);
        Assert.Equal(Plain[..2], ids[..2]);
    }

    [Fact]
    public async Task The_reason_of_a_stop_is_the_token_or_the_text_or_nothing_at_the_end_of_text()
    {
        var token = await _server.ChoiceAsync(Greedy.With(("stop_token_ids", Completions.Ids([Plain[5]]))));
        Assert.Equal(("stop", Plain[5], Codec.Decode(Plain[..5])), (token.GetProperty("finish_reason").GetString(), token.GetProperty("stop_reason").GetInt32(), token.Text()));

        var end = await _server.ChoiceAsync(Greedy.With(("logit_bias", new JsonObject { ["0"] = 100 }), ("stop_token_ids", Completions.Ids([0]))));
        Assert.Equal(("stop", JsonValueKind.Null, ""), (end.GetProperty("finish_reason").GetString(), end.GetProperty("stop_reason").ValueKind, end.Text()));

        var length = await _server.ChoiceAsync(Greedy);
        Assert.Equal(("length", JsonValueKind.Null, PlainText), (length.GetProperty("finish_reason").GetString(), length.GetProperty("stop_reason").ValueKind, length.Text()));
    }

    [Fact]
    public async Task What_has_stopped_a_text_is_part_of_it_when_asked_for()
    {
        var stop = PlainText.Substring(8, 4);
        var end = PlainText.IndexOf(stop, StringComparison.Ordinal);
        Assert.Equal(PlainText[..end], (await _server.ChoiceAsync(Greedy.With(("stop", stop)))).Text());
        var with = Greedy.With(("stop", stop), ("include_stop_str_in_output", true));
        Assert.Equal(PlainText[..(end + stop.Length)], (await _server.ChoiceAsync(with)).Text());
        Assert.Equal(PlainText[..(end + stop.Length)], string.Concat((await _server.StreamAsync(with)).Select(each => each.GetProperty("choices")[0].Text())));
        Assert.Equal(Codec.Decode(Plain[..6]), (await _server.ChoiceAsync(Greedy.With(("stop_token_ids", Completions.Ids([Plain[5]])), ("include_stop_str_in_output", true)))).Text());
    }

    [Fact]
    public async Task Special_tokens_are_part_of_a_text_only_when_asked_for()
    {
        var forced = Greedy.With(("logit_bias", new JsonObject { ["1"] = 100 }), ("max_tokens", 3)); // <|im_start|>
        Assert.Equal("", (await _server.ChoiceAsync(forced)).Text());
        Assert.Equal("<|im_start|><|im_start|><|im_start|>", (await _server.ChoiceAsync(forced.With(("skip_special_tokens", false)))).Text());
        Assert.Equal((int[])[1, 1, 1], (await _server.ChoiceAsync(forced)).TokenIds());
    }

    [Fact]
    public async Task A_prompt_is_cut_to_its_last_tokens_or_its_first_or_what_fits()
    {
        var ids = Golden.PromptIds.Concat(Plain).ToArray();
        var body = new JsonObject { ["prompt"] = Completions.Ids(ids), ["max_tokens"] = 1, ["return_token_ids"] = true };
        Assert.Equal(ids[^7..], await PromptAsync(body.With(("truncate_prompt_tokens", 7))));
        Assert.Equal(ids[..7], await PromptAsync(body.With(("truncate_prompt_tokens", 7), ("truncation_side", "right"))));
        Assert.Equal(ids, await PromptAsync(body.With(("truncate_prompt_tokens", 1000))));
        var lengthy = Enumerable.Range(0, 3000).Select(i => 3 + (i % 500)).ToArray();
        Assert.Equal(lengthy[^2047..], await PromptAsync(body.With(("prompt", Completions.Ids(lengthy)), ("truncate_prompt_tokens", -1))));
        Assert.Contains("leaves no room", await _server.RefusedAsync(body.With(("max_tokens", 2048), ("truncate_prompt_tokens", -1)), "max_tokens"), StringComparison.Ordinal);

        async Task<int[]> PromptAsync(JsonObject asked) => [.. (await _server.ChoiceAsync(asked)).GetProperty("prompt_token_ids").EnumerateArray().Select(id => id.GetInt32())];
    }

    [Fact]
    public async Task Usage_comes_with_each_chunk_when_asked_for()
    {
        var usages = (await _server.StreamAsync(Greedy.With(("stream_options", new JsonObject { ["include_usage"] = true, ["continuous_usage_stats"] = true })))).Select(each => each.GetProperty("usage")).ToArray();
        Assert.Equal(Enumerable.Range(1, Count).Append(Count), usages.Select(usage => usage.GetProperty("completion_tokens").GetInt32()));
        Assert.All(usages, usage => Assert.Equal(Golden.PromptIds.Length, usage.GetProperty("prompt_tokens").GetInt32()));
        var last = (await _server.StreamAsync(Greedy.With(("stream_options", new JsonObject { ["continuous_usage_stats"] = true })))).Last();
        Assert.False(last.TryGetProperty("usage", out _)); // as vLLM has it, it needs the other one
    }

    [Fact]
    public async Task Whole_numbers_are_whole_however_they_are_written()
    {
        var answer = await HttpAnswer.PostAsync(_server.Http, Completions.Path, """{"prompt": [730.0, 6.47e2, 201], "max_tokens": 16.0, "top_k": 40.0, "seed": 1e3, "return_token_ids": true}""");
        Assert.Equal(HttpStatusCode.OK, answer.Status);
        var same = await _server.ChoiceAsync(new JsonObject { ["prompt"] = Completions.Ids([730, 647, 201]), ["max_tokens"] = 16, ["top_k"] = 40, ["seed"] = 1000, ["return_token_ids"] = true });
        Assert.Equal(same.TokenIds(), answer.Body.GetProperty("choices")[0].TokenIds());
    }

    [Fact]
    public async Task Offsets_are_the_same_with_a_stop_text_that_never_comes()
    {
        var body = Greedy.With(("logprobs", 1));
        var offsets = Offsets(await _server.ChoiceAsync(body));
        Assert.Equal(Plain.Select((_, i) => Codec.Decode(Plain[..i]).Length), offsets);
        var stop = body.With(("stop", PlainText[..5] + "never"));
        Assert.Equal(offsets, Offsets(await _server.ChoiceAsync(stop)));
        Assert.Equal(offsets, (await _server.StreamAsync(stop)).SelectMany(each => Offsets(each.GetProperty("choices")[0])));
        Assert.Equal(offsets.Select(offset => offset + Golden.Prompt.Length), Offsets(await _server.ChoiceAsync(stop.With(("echo", true)))).Skip(Golden.PromptIds.Length));

        static int[] Offsets(JsonElement choice) => [.. choice.GetProperty("logprobs").GetProperty("text_offset").EnumerateArray().Select(offset => offset.GetInt32())];
    }

    [Fact]
    public async Task Long_lists_are_refused()
    {
        var many = string.Join(',', Enumerable.Repeat("5", 2_000_000));
        var answer = await HttpAnswer.PostAsync(_server.Http, Completions.Path, $$"""{"prompt": "a", "n": 128, "stop_token_ids": [{{many}}]}""");
        Assert.Equal((HttpStatusCode.BadRequest, "stop_token_ids has 2000000 tokens; there may be 1024.", "stop_token_ids"), (answer.Status, answer.Error.Message, answer.Error.Param));
        await _server.RefusedAsync(Greedy.With(("allowed_token_ids", Completions.Ids(Enumerable.Repeat(5, 16_385)))), "allowed_token_ids");
        await _server.RefusedAsync(Greedy.With(("bad_words", new JsonArray([.. Enumerable.Range(0, 257).Select(i => (JsonNode)$"w{i}")]))), "bad_words");
        await _server.RefusedAsync(Greedy.With(("logit_bias", new JsonObject(Enumerable.Range(0, 1025).Select(i => KeyValuePair.Create($"{i}", (JsonNode?)1))))), "logit_bias");
    }

    [Fact]
    public async Task A_field_that_is_not_done_is_refused_by_name_and_its_neutral_values_are_not()
    {
        foreach (var isChat in (bool[])[false, true])
        {
            var (path, body) = isChat
                ? (Completions.ChatPath, new JsonObject { ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "a" }), ["max_tokens"] = 1 })
                : (Completions.Path, new JsonObject { ["prompt"] = "a", ["max_tokens"] = 1 });
            var neutral = body.With();
            foreach (var field in RequestFields.All.Where(field => isChat ? field.IsOfChat : field.IsOfCompletions))
            {
                if (field.Treatment == FieldTreatment.Refused)
                {
                    Assert.Contains($"{field.Name} is not supported by this server: {field.Words}.", await _server.RefusedAsync(body.With((field.Name, new JsonArray(new JsonObject()))), field.Name, path), StringComparison.Ordinal);
                    neutral[field.Name] = field.Neutral.Length == 0 ? null : JsonNode.Parse(field.Neutral[0]);
                }
                else if (field.Treatment == FieldTreatment.NoEffect)
                {
                    neutral[field.Name] = "whatever it says";
                }
            }

            neutral["unheard_of"] = 1;
            Assert.Equal((await _server.AnswerAsync(body.With(("temperature", 0)), path)).GetProperty("usage").ToString(), (await _server.AnswerAsync(neutral.With(("temperature", 0)), path)).GetProperty("usage").ToString());
        }
    }

    private async Task<int[]> TokensAsync(params (string Name, JsonNode? Value)[] fields) => (await _server.ChoiceAsync(Greedy.With(fields))).TokenIds();

    /// <summary>The text differs from the plain one and is what the model alone gives with these adjustments.</summary>
    private async Task CheckAsync(LogitAdjustments adjustments, params (string Name, JsonNode? Value)[] fields)
    {
        var tokens = await TokensAsync([.. fields, ("ignore_eos", true)]);
        Assert.NotEqual(Plain, tokens);
        var model = new SingleProcess();
        var cache = model.NewCache();
        var (text, logits) = (new List<int>(), model.ForwardLast(new SequenceChunk(cache, Golden.PromptIds, 0))[0]);
        while (text.Count < Count)
        {
            adjustments.Apply(logits, text.Count, Golden.PromptIds, text.ToArray());
            text.Add(Sampler.Sample(logits, SamplingSettings.Greedy, text.Count));
            logits = model.ForwardLast(new SequenceChunk(cache, new[] { text[^1] }, Golden.PromptIds.Length + text.Count - 1))[0];
        }

        Assert.Equal(text, tokens);
    }
}
