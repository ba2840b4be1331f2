using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace ElasticEp.Samples.Server.Http;

/// <summary>
/// An answer of server-sent events. A reader may be slow, and loses nothing; one that takes nothing for a time, though something waits for it, is cut.
/// </summary>
internal sealed partial class EventStream
{
    private const int MostUnflushed = 16 << 10; // what a reader is to take in that time at the least, beside what connections buffer

    private static readonly JsonWriterOptions JsonOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private readonly HttpContext _context;
    private readonly TimeSpan _timeout;
    private readonly TimeProvider _time;
    private readonly Utf8JsonWriter _json = new(Stream.Null, JsonOptions);
    private long _unflushed;

    /// <param name="context">The HTTP request.</param>
    /// <param name="timeout">How long its reader may take nothing; zero for ever.</param>
    /// <param name="time">The clock.</param>
    public EventStream(HttpContext context, TimeSpan timeout, TimeProvider time)
    {
        _context = context;
        _timeout = timeout;
        _time = time;
    }

    /// <summary>Whether its status and headers are settled.</summary>
    public bool HasBegun { get; private set; }

    /// <summary>Whether so much was written that it should be flushed before more is.</summary>
    public bool IsFull => _unflushed >= MostUnflushed;

    /// <summary>Settles status and headers, which go out with the first flush. Comes before anything is written.</summary>
    public async ValueTask BeginAsync()
    {
        if (HasBegun)
            return;
        HasBegun = true;
        _context.Features.Get<IHttpMinResponseDataRateFeature>()?.MinDataRate = null; // Kestrel would cut a reader that only pauses
        var headers = _context.Response.Headers;
        headers.ContentType = "text/event-stream; charset=utf-8"; // some clients take it for Latin-1 otherwise
        headers.CacheControl = "no-cache";
        headers["X-Accel-Buffering"] = "no"; // a proxy that collects the answer would make it one lump
        await _context.Response.StartAsync(_context.RequestAborted);
    }

    /// <returns>What the event's JSON is written with, until <see cref="EndEvent"/>.</returns>
    public Utf8JsonWriter BeginEvent()
    {
        Write("data: "u8);
        _json.Reset(_context.Response.BodyWriter);
        return _json;
    }

    public void EndEvent()
    {
        _json.Flush();
        _unflushed += _json.BytesCommitted;
        Write("\n\n"u8);
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_context.Response.BodyWriter.GetSpan(bytes.Length));
        _context.Response.BodyWriter.Advance(bytes.Length);
        _unflushed += bytes.Length;
    }

    /// <summary>Sends what was written, and waits until there is room for more.</summary>
    /// <exception cref="OperationCanceledException">The reader has gone, or was cut.</exception>
    public ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        _unflushed = 0;
        var flushing = _context.Response.BodyWriter.FlushAsync(cancellationToken);
        if (!flushing.IsCompletedSuccessfully)
            return new ValueTask(WaitAsync(flushing.AsTask()));
        _ = flushing.Result;
        return ValueTask.CompletedTask;
    }

    private async Task WaitAsync(Task flushing)
    {
        try
        {
            await (_timeout > TimeSpan.Zero ? flushing.WaitAsync(_timeout, _time) : flushing);
        }
        catch (TimeoutException)
        {
            LogCut(_context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger<EventStream>(), _context.TraceIdentifier, _context.Request.Path, _timeout);
            _context.Abort();
            await flushing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // when this returns nobody writes any more
            throw new ConnectionAbortedException("The reader of the stream took nothing for too long.");
        }
    }

    [LoggerMessage(3022, LogLevel.Information, "Request {Request} to {Path} is cancelled: its reader took nothing for {Timeout}")]
    private static partial void LogCut(ILogger logger, string request, string path, TimeSpan timeout);
}
