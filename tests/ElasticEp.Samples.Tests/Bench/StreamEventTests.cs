using System.Buffers;
using System.Text;
using System.Text.Json;
using ElasticEp.Samples.Bench.Http;

namespace ElasticEp.Samples.Tests.Bench;

public sealed class StreamEventTests
{
    [Theory]
    [InlineData("""{"id":"x","choices":[{"index":0,"text":"a","logprobs":null,"finish_reason":null}]}""", true, false, 1)]
    [InlineData("""{"choices":[{"text":"","finish_reason":"stop"}],"usage":null}""", true, true, 1)]
    [InlineData("""{"choices":[{"finish_reason":"length","text":"ab","token_ids":[5,6,7]}]}""", true, true, 3)]
    [InlineData("""{"choices":[{"text":"","finish_reason":"stop","token_ids":[]}]}""", true, true, 0)]
    [InlineData("""{"choices":[{"text":"a","token_ids":null}]}""", true, false, 1)]
    [InlineData("""{"choices":[{"text":"a","logprobs":{"tokens":["a"],"top":[{"b":1}]},"finish_reason":null}]}""", true, false, 1)]
    [InlineData("""{"choices":[]}""", false, false, 0)]
    [InlineData("""{"object":"ping"}""", false, false, 0)]
    public void A_piece_has_tokens_and_may_be_the_last(string json, bool hasChoice, bool isFinal, int tokens) =>
        Assert.Equal(new StreamEvent(hasChoice, isFinal, tokens, null, null, null), Parse(json));

    [Fact]
    public void The_last_event_reports_usage() => Assert.Equal(
        new StreamEvent(false, false, 0, 128, 512, null),
        Parse("""{"choices":[],"usage":{"prompt_tokens":128,"total_tokens":640,"completion_tokens":512,"prompt_tokens_details":{"cached_tokens":3}}}"""));

    [Theory]
    [InlineData("""{"error":{"message":"The group has ended.","type":"internal_error"}}""", "The group has ended.")]
    [InlineData("""{"error":"no"}""", "no")]
    [InlineData("""{"error":null}""", null)]
    public void An_error_has_a_message(string json, string? message) => Assert.Equal(message, Parse(json).Error);

    [Theory]
    [InlineData("5")]
    [InlineData("{\"choices\":[{")]
    [InlineData("<html>")]
    public void What_is_no_event_throws(string text) => Assert.ThrowsAny<JsonException>(() => Parse(text));

    private static StreamEvent Parse(string json) => StreamEvent.Parse(new ReadOnlySequence<byte>(Encoding.UTF8.GetBytes(json)));
}
