using System.IO.Pipelines;
using System.Text;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Server;
using ElasticEp.Samples.Server.Http;
using ElasticEp.Samples.Serving;
using ElasticEp.Samples.Tests.Serving;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>When a stream begins, and what becomes of its reader. A test moves the clock.</summary>
public sealed class EventStreamTests
{
    private const int Room = 1 << 10; // bytes that fit between the server and its reader

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(10);
    private static readonly Qwen3MoeConfig Config = Qwen3MoeConfig.Load(EmbeddedModel.Directory);
    private static readonly ServedModel Model = ServedModel.Of(EmbeddedModel.Directory, Config, Qwen3Limits.Of(Config, rows: 16));
    private static readonly TextCodec Codec = TextCodec.Load(EmbeddedModel.Directory);

    private readonly WatchedTime _time = new();
    private readonly Pipe _pipe = new(new PipeOptions(pauseWriterThreshold: Room, resumeWriterThreshold: Room / 2));
    private readonly DefaultHttpContext _context = new();
    private readonly Connection _connection = new();
    private readonly GenerationRequest _request = new(1, [1], new GenerationOptions(1000, SamplingSettings.Greedy, true), 0);

    public EventStreamTests()
    {
        _context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(_pipe.Writer.AsStream(leaveOpen: true)));
        _context.Features.Set<IHttpRequestLifetimeFeature>(_connection);
        _context.Features.Set<IHttpMinResponseDataRateFeature>(_connection);
        _context.RequestServices = new ServiceCollection().AddLogging().BuildServiceProvider();
    }

    [Fact]
    public async Task Nothing_is_settled_before_the_first_token()
    {
        var writing = WriteAsync(KeepAlive);
        Assert.Null(_context.Response.ContentType);
        Assert.False(_pipe.Reader.TryRead(out _));
        Assert.NotNull(_connection.MinDataRate);

        Release(0, FinishReason.Length);
        await writing.WaitAsync(FakeGroup.Deadline);
        Assert.Equal((200, "text/event-stream; charset=utf-8", "no-cache", "no"), (_context.Response.StatusCode, _context.Response.ContentType, _context.Response.Headers.CacheControl.ToString(), _context.Response.Headers["X-Accel-Buffering"].ToString()));
        Assert.Null(_connection.MinDataRate); // Kestrel's own limit is off
        Assert.EndsWith("data: [DONE]\n\n", await RestAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ElasticEpErrorCode.GroupEnded, 503)]
    [InlineData(ElasticEpErrorCode.StepFailed, 500)]
    public async Task A_call_that_fails_before_its_first_token_fails_by_its_status(ElasticEpErrorCode code, int status)
    {
        var writing = HttpErrors.HandleAsync(_context, _ => WriteAsync(KeepAlive));
        _request.Fail(new ElasticEpException(code, "why"));
        await writing.WaitAsync(FakeGroup.Deadline);
        Assert.Equal((status, "application/json; charset=utf-8"), (_context.Response.StatusCode, _context.Response.ContentType));
        Assert.StartsWith("""{"error":{"message":"why",""", await RestAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_call_that_waited_too_long_is_told_so_by_its_status()
    {
        var writing = HttpErrors.HandleAsync(_context, _ => WriteAsync(KeepAlive));
        _request.Fail(new RejectedException(Rejection.QueueTime, "too long"));
        await writing.WaitAsync(FakeGroup.Deadline);
        Assert.Equal((503, "1"), (_context.Response.StatusCode, _context.Response.Headers.RetryAfter.ToString()));
    }

    [Fact]
    public async Task A_call_that_fails_after_the_first_keep_alive_fails_in_the_stream()
    {
        var writing = HttpErrors.HandleAsync(_context, _ => WriteAsync(KeepAlive));
        await _time.FireAsync(KeepAlive);
        using var lines = new StreamReader(_pipe.Reader.AsStream(leaveOpen: true));
        Assert.Equal(": keep-alive", await lines.ReadLineAsync().WaitAsync(FakeGroup.Deadline));
        _request.Fail(new ElasticEpException(ElasticEpErrorCode.GroupEnded, "why"));
        await writing.WaitAsync(FakeGroup.Deadline);
        await _pipe.Writer.CompleteAsync();
        Assert.Equal(200, _context.Response.StatusCode);
        Assert.Equal("""data: {"error":{"message":"why","type":"service_unavailable","param":null,"code":503}}""", (await lines.ReadToEndAsync()).Trim());
    }

    [Fact]
    public async Task A_reader_that_pauses_for_less_than_the_timeout_loses_nothing_however_often()
    {
        const int Tokens = 200; // much more than there is room for
        for (var position = 0; position < Tokens; position++)
            Release(position, position == Tokens - 1 ? FinishReason.Length : FinishReason.None);
        var writing = WriteAllAsync();
        var read = new StringBuilder();
        for (var pauses = 0; pauses < 2; pauses++)
        {
            await _time.FireAsync(Timeout - TimeSpan.FromSeconds(1)); // something waits for room, and nothing is taken
            Assert.False(_connection.RequestAborted.IsCancellationRequested);
            var timers = _time.Timers;
            while (_time.Timers == timers) // until the next part waits
                Assert.True(await TakeAsync(read));
        }

        while (await TakeAsync(read))
        {
            // to the end
        }

        await writing;
        Assert.Equal(Tokens + 1, read.ToString().Split("data: ").Length - 1);

        async Task WriteAllAsync()
        {
            await HttpErrors.HandleAsync(_context, _ => WriteAsync(TimeSpan.Zero)).WaitAsync(FakeGroup.Deadline);
            await _pipe.Writer.CompleteAsync();
        }
    }

    [Fact]
    public async Task A_reader_that_takes_nothing_for_the_timeout_is_cut()
    {
        for (var position = 0; position < 100; position++)
            Release(position, FinishReason.None);
        var writing = HttpErrors.HandleAsync(_context, _ => WriteAsync(TimeSpan.Zero));
        await _time.FireAsync(Timeout - TimeSpan.FromMilliseconds(1));
        Assert.False(_connection.RequestAborted.IsCancellationRequested);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await writing.WaitAsync(FakeGroup.Deadline); // no error of the server
        Assert.True(_connection.RequestAborted.IsCancellationRequested);
        Assert.Equal(200, _context.Response.StatusCode);
    }

    private async Task WriteAsync(TimeSpan keepAlive)
    {
        var call = new GenerationCall { Prompts = [_request.Prompt], Options = _request.Options, Choices = 1, Stops = [], IsStream = true, IncludesUsage = false, ReturnsTokenIds = false };
        using var frontEnd = new FrontEnd(new FakeGroup(0), new FrontEndOptions { Capacity = 1, Limits = Model.Limits }, _time, NullLogger<FrontEnd>.Instance);
        using var answer = new GenerationAnswer(_context, call, new CompletionFormat(call, Codec, Model.Id, 0), frontEnd, [new ChoiceReader(0, _request, Codec, call)], new StreamTimes(keepAlive, Timeout), _time);
        await answer.WriteStreamAsync();
    }

    private void Release(int position, FinishReason finish)
    {
        var token = new ReleasedToken(1, 1, position, 730, finish);
        _request.Accept(token, _time.GetTimestamp());
        _request.Deliver(token);
    }

    /// <summary>Takes what is there.</summary>
    /// <returns>False when that was all.</returns>
    private async Task<bool> TakeAsync(StringBuilder read)
    {
        var result = await _pipe.Reader.ReadAsync().AsTask().WaitAsync(FakeGroup.Deadline);
        read.Append(Encoding.UTF8.GetString(result.Buffer));
        _pipe.Reader.AdvanceTo(result.Buffer.End);
        return !result.IsCompleted;
    }

    private async Task<string> RestAsync()
    {
        await _pipe.Writer.CompleteAsync();
        using var reader = new StreamReader(_pipe.Reader.AsStream());
        return await reader.ReadToEndAsync();
    }

    /// <summary>A connection as Kestrel has it: to abort it cancels what waits.</summary>
    private sealed class Connection : IHttpRequestLifetimeFeature, IHttpMinResponseDataRateFeature
    {
        private readonly CancellationTokenSource _aborted = new();

        public Connection() => RequestAborted = _aborted.Token;

        public CancellationToken RequestAborted { get; set; }

        public MinDataRate? MinDataRate { get; set; } = new(240, TimeSpan.FromSeconds(5));

        public void Abort() => _aborted.Cancel();
    }
}
