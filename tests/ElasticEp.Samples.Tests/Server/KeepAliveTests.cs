using System.IO.Pipelines;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Server;
using ElasticEp.Samples.Server.Elastic;
using ElasticEp.Samples.Server.Http;
using ElasticEp.Samples.Server.Metrics;
using ElasticEp.Samples.Serving;
using ElasticEp.Samples.Tests.Serving;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging.Abstractions;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>Streams that are silent get comment lines. A test moves the clock.</summary>
public sealed class KeepAliveTests
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    private static readonly Qwen3MoeConfig Config = Qwen3MoeConfig.Load(EmbeddedModel.Directory);
    private static readonly ServedModel Model = ServedModel.Of(EmbeddedModel.Directory, Config, Qwen3Limits.Of(Config, rows: 16));
    private static readonly TextCodec Codec = TextCodec.Load(EmbeddedModel.Directory);

    private readonly WatchedTime _time = new();
    private readonly Pipe _pipe = new();
    private readonly GenerationRequest _request = new(1, [1], new GenerationOptions(2, SamplingSettings.Greedy, true), 0);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_stream_gets_a_comment_when_nothing_was_written_for_the_interval(bool isChat)
    {
        var writing = WriteAsync(Interval, isChat);
        await _time.FireAsync(Interval);
        using var lines = new StreamReader(_pipe.Reader.AsStream(leaveOpen: true));
        Assert.Equal([": keep-alive", ""], await ReadAsync(lines, 2)); // while the request still waits for its turn

        await _time.FireAsync(Interval / 2);
        Release(0, FinishReason.None);
        Assert.StartsWith("data: {", (await ReadAsync(lines, 2))[0], StringComparison.Ordinal);
        _time.Advance(Interval / 2); // a token came five seconds ago
        await _time.FireAsync(Interval * 0.49);
        Assert.False(_pipe.Reader.TryRead(out _));
        _time.Advance(Interval * 0.01);
        Assert.Equal([": keep-alive", ""], await ReadAsync(lines, 2));

        Release(1, FinishReason.Length);
        await writing.WaitAsync(FakeGroup.Deadline, TestContext.Current.CancellationToken);
        await _pipe.Writer.CompleteAsync();
        var rest = (await lines.ReadToEndAsync(TestContext.Current.CancellationToken)).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, rest.Length);
        Assert.StartsWith("data: {", rest[0], StringComparison.Ordinal);
        Assert.Equal("data: [DONE]", rest[1]);
    }

    [Fact]
    public async Task With_an_interval_of_zero_there_are_none_and_no_timer()
    {
        var writing = WriteAsync(TimeSpan.Zero, isChat: false);
        _time.Advance(TimeSpan.FromDays(1));
        Release(0, FinishReason.None);
        Release(1, FinishReason.Length);
        await writing.WaitAsync(FakeGroup.Deadline, TestContext.Current.CancellationToken);
        await _pipe.Writer.CompleteAsync();
        using var lines = new StreamReader(_pipe.Reader.AsStream());
        var all = await lines.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.DoesNotContain(": keep-alive", all, StringComparison.Ordinal);
        Assert.EndsWith("data: [DONE]\n\n", all, StringComparison.Ordinal);
        Assert.Equal(0, _time.Timers);
    }

    private async Task WriteAsync(TimeSpan interval, bool isChat)
    {
        var context = new DefaultHttpContext();
        context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(_pipe.Writer.AsStream(leaveOpen: true)));
        var call = new GenerationCall { Prompts = [_request.Prompt], Options = _request.Options, Choices = 1, Stops = [], IsStream = true, IncludesUsage = false, ReturnsTokenIds = false };
        GenerationFormat format = isChat ? new ChatFormat(call, Codec, Model.Id, 0) : new CompletionFormat(call, Codec, Model.Id, 0);
        using var frontEnd = new FrontEnd(new FakeGroup(0), new FrontEndOptions { Capacity = 1, Limits = Model.Limits }, _time, NullLogger<FrontEnd>.Instance);
        using var answer = new GenerationAnswer(context, call, format, frontEnd, [new ChoiceReader(0, _request, Codec, call)], new StreamTimes(interval, TimeSpan.Zero), _time);
        await answer.WriteStreamAsync();
    }

    private void Release(int position, FinishReason finish)
    {
        var token = new ReleasedToken(1, 1, position, 730, finish);
        _request.Accept(token, _time.GetTimestamp());
        _request.Deliver(token);
    }

    private static async Task<string[]> ReadAsync(StreamReader reader, int count)
    {
        using var deadline = new CancellationTokenSource(FakeGroup.Deadline);
        var lines = new string[count];
        for (var i = 0; i < count; i++)
            lines[i] = (await reader.ReadLineAsync(deadline.Token))!;
        return lines;
    }
}
