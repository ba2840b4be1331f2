using System.Buffers;
using System.Text.Json;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Server.Http;
using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>Answers of chats with thoughts and calls, whole and as a stream, in OpenAI's shape.</summary>
public sealed class ChatFormatTests
{
    private const string Answer = "<think>\nA tool helps.\n</think>\n\nOne moment.\n\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": 1}}\n</tool_call>\n<tool_call>\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call>";

    private static readonly TextCodec Codec = TextCodec.Load(EmbeddedModel.Directory);

    [Fact]
    public void A_whole_answer_has_its_thoughts_content_and_calls()
    {
        var choice = Whole(Answer, new ChatReading(ChatThinking.Optional, 9), FinishReason.Stop);
        var message = choice.GetProperty("message");
        Assert.Equal("A tool helps.", message.GetProperty("reasoning").GetString());
        Assert.Equal("One moment.", message.GetProperty("content").GetString());
        Assert.Equal(JsonValueKind.Null, message.GetProperty("refusal").ValueKind);
        var calls = message.GetProperty("tool_calls").EnumerateArray().ToArray();
        Assert.Equal(["f({\"x\": 1})", "g({})"], calls.Select(Describe));
        Assert.All(calls, call => Assert.Equal("function", call.GetProperty("type").GetString()));
        Assert.All(calls, call => Assert.StartsWith("call_", call.GetProperty("id").GetString(), StringComparison.Ordinal));
        Assert.Equal("tool_calls", choice.GetProperty("finish_reason").GetString());
    }

    [Fact]
    public void An_answer_that_only_calls_has_no_content_and_one_that_is_cut_off_says_so()
    {
        var choice = Whole("<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>", new ChatReading(ChatThinking.None, 9), FinishReason.Length);
        Assert.Equal(JsonValueKind.Null, choice.GetProperty("message").GetProperty("content").ValueKind);
        Assert.Equal("length", choice.GetProperty("finish_reason").GetString());
        choice = Whole("thoughts", new ChatReading(ChatThinking.Always, 0), FinishReason.Length);
        Assert.Equal(JsonValueKind.Null, choice.GetProperty("message").GetProperty("content").ValueKind);
        Assert.Equal("thoughts", choice.GetProperty("message").GetProperty("reasoning").GetString());
    }

    [Fact]
    public void Without_anything_to_look_for_the_text_is_the_content()
    {
        var message = Whole(Answer, default, FinishReason.Stop).GetProperty("message");
        Assert.Equal(Answer, message.GetProperty("content").GetString());
        Assert.False(message.TryGetProperty("reasoning", out _) || message.TryGetProperty("tool_calls", out _));
        Assert.Equal("", Whole("", new ChatReading(ChatThinking.Optional, 9), FinishReason.Stop).GetProperty("message").GetProperty("content").GetString());
    }

    [Fact]
    public void A_stream_adds_up_to_the_same()
    {
        var format = Format(new ChatReading(ChatThinking.Optional, 9));
        var deltas = Deltas(Answer, FinishReason.Stop);
        var (reasoning, content, calls, finish) = ("", "", new List<string>(), (string?)null);
        foreach (var delta in deltas)
        {
            var choice = Write(json => format.WriteChunk(json, [delta], [1])).GetProperty("choices")[0];
            var told = choice.GetProperty("delta");
            Assert.Equal(delta.IsFirst, told.TryGetProperty("role", out _));
            reasoning += told.TryGetProperty("reasoning", out var thought) ? thought.GetString() : "";
            content += told.TryGetProperty("content", out var said) ? said.GetString() : "";
            foreach (var call in told.TryGetProperty("tool_calls", out var list) ? [.. list.EnumerateArray()] : Array.Empty<JsonElement>())
            {
                Assert.Equal(calls.Count, call.GetProperty("index").GetInt32());
                calls.Add(Describe(call));
            }

            finish = choice.GetProperty("finish_reason").GetString();
            Assert.Equal(delta.Finish != FinishReason.None, finish is not null);
        }

        Assert.Equal(("A tool helps.", "One moment.", "tool_calls"), (reasoning, content, finish));
        Assert.Equal(["f({\"x\": 1})", "g({})"], calls);
    }

    [Fact]
    public void Choices_of_one_stream_do_not_mix()
    {
        var format = Format(new ChatReading(ChatThinking.Always, 0));
        var texts = new[] { "", "" };
        foreach (var (first, second) in Deltas("a</think>b", FinishReason.Stop).Zip(Deltas("c</think>d", FinishReason.Stop)))
        {
            foreach (var delta in (ChoiceDelta[])[first, second with { Index = 1 }])
            {
                var told = Write(json => format.WriteChunk(json, [delta], [1])).GetProperty("choices")[0].GetProperty("delta");
                texts[delta.Index] += told.TryGetProperty("content", out var said) ? said.GetString() : "";
            }
        }

        Assert.Equal(["b", "d"], texts);
    }

    private static JsonElement Whole(string text, ChatReading reading, FinishReason finish)
    {
        var format = Format(reading);
        return Write(json => format.WriteWhole(json, [([1], Deltas(text, finish))], 1)).GetProperty("choices")[0];
    }

    private static ChatFormat Format(ChatReading reading) => new(
        new GenerationCall
        {
            Prompts = [[1]],
            Options = new GenerationOptions(1000, SamplingSettings.Greedy, false),
            Choices = 1,
            Stops = [],
            IsStream = true,
            IncludesUsage = false,
            ReturnsTokenIds = false,
            Reading = reading,
        },
        Codec, "m", 0);

    /// <summary>The text as a model would tell it: token by token, the last one being its end.</summary>
    private static ChoiceDelta[] Deltas(string text, FinishReason finish)
    {
        int[] tokens = [.. Codec.EncodeText(text), 0];
        return [.. tokens.Select((token, i) =>
        {
            var end = i == tokens.Length - 1 ? finish : FinishReason.None;
            return new ChoiceDelta(0, i == 0, i == tokens.Length - 1 ? "" : Codec.Decode([token]), new ReleasedToken(1, 1, i, token, end), end, null, null, 0);
        })];
    }

    private static JsonElement Write(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
            write(json);
        return JsonElement.Parse(buffer.WrittenSpan);
    }

    private static string Describe(JsonElement call) => $"{call.GetProperty("function").GetProperty("name").GetString()}({call.GetProperty("function").GetProperty("arguments").GetString()})";
}
