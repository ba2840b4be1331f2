using System.Text.Encodings.Web;
using System.Text.Json;
using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Server.Http;

/// <summary>Answers one call, whole or as server-sent events.</summary>
/// <param name="context">The HTTP request.</param>
/// <param name="call">What was asked for.</param>
/// <param name="format">The shape of the answer.</param>
/// <param name="frontEnd">Has the requests.</param>
/// <param name="choices">One for each request.</param>
/// <param name="keepAlive">How long a stream may be silent before it gets a comment line; zero for no such lines.</param>
/// <param name="time">The clock.</param>
internal sealed class GenerationAnswer(
    HttpContext context, GenerationCall call, GenerationFormat format, FrontEnd frontEnd, ChoiceReader[] choices, TimeSpan keepAlive, TimeProvider time) : IDisposable
{
    private static readonly JsonWriterOptions JsonOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly Utf8JsonWriter _json = new(Stream.Null, JsonOptions);
    private long _writtenAt;

    private int PromptTokens => call.Prompts.Sum(prompt => prompt.Length);

    public async Task WriteWholeAsync()
    {
        var results = await Task.WhenAll(choices.Select(CollectAsync));
        context.Response.ContentType = "application/json";
        _json.Reset(context.Response.BodyWriter);
        format.WriteWhole(_json, results, PromptTokens);
        _json.Flush();
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
    }

    public async Task WriteStreamAsync()
    {
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers["X-Accel-Buffering"] = "no"; // a proxy that collects the answer would make it one lump
        await FlushAsync(); // a request that waits for its turn has been heard
        try
        {
            await StreamChoicesAsync();
            if (call.IncludesUsage)
            {
                BeginEvent();
                format.WriteUsageChunk(_json, PromptTokens, choices.Sum(choice => choice.Tokens));
                EndEvent();
            }

            Write("data: [DONE]\n\n"u8);
        }
        catch (Exception exception) when (exception is ElasticEpException or RejectedException)
        {
            var error = exception is RejectedException rejected ? HttpErrors.Describe(rejected) : HttpErrors.Describe((ElasticEpException)exception);
            BeginEvent();
            JsonSerializer.Serialize(_json, error.Body, HttpJson.Readable.ErrorResponse);
            EndEvent();
        }

        await FlushAsync();
    }

    public void Dispose() => _writing.Dispose();

    private async Task<(int[] Prompt, ChoiceDelta[] Deltas)> CollectAsync(ChoiceReader choice)
    {
        var deltas = new List<ChoiceDelta>();
        while (await choice.WaitAsync(context.RequestAborted))
        {
            while (choice.TryRead(out var delta))
                deltas.Add(delta);
        }

        frontEnd.Cancel(choice.Request, "stop"); // a stop text ended it; otherwise it has ended
        return (choice.Request.Prompt, [.. deltas]);
    }

    /// <summary>When it returns, or throws, nobody writes any more.</summary>
    private async Task StreamChoicesAsync()
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        var keepingAlive = keepAlive > TimeSpan.Zero ? KeepAliveAsync(ended.Token) : Task.CompletedTask;
        try
        {
            await Task.WhenAll(choices.Select(StreamAsync));
        }
        finally
        {
            await ended.CancelAsync();
            await keepingAlive;
        }
    }

    /// <summary>Server-sent events have comments, which clients pass over: they show a proxy that the stream lives.</summary>
    private async Task KeepAliveAsync(CancellationToken ended)
    {
        try
        {
            for (var due = keepAlive; ; due = keepAlive - time.GetElapsedTime(_writtenAt))
            {
                await Task.Delay(due > TimeSpan.Zero ? due : TimeSpan.Zero, time, ended);
                await _writing.WaitAsync(ended);
                try
                {
                    if (time.GetElapsedTime(_writtenAt) < keepAlive)
                        continue;
                    Write(": keep-alive\n\n"u8);
                    await FlushAsync();
                }
                finally
                {
                    _writing.Release();
                }
            }
        }
        catch (OperationCanceledException)
        {
            // the stream has ended, or its client is gone
        }
    }

    /// <summary>Writes what is there, then flushes once: several tokens may have come together.</summary>
    private async Task StreamAsync(ChoiceReader choice)
    {
        while (await choice.WaitAsync(context.RequestAborted))
        {
            await _writing.WaitAsync(context.RequestAborted);
            try
            {
                while (choice.TryRead(out var delta))
                {
                    BeginEvent();
                    format.WriteChunk(_json, new ReadOnlySpan<ChoiceDelta>(in delta), choice.Request.Prompt);
                    EndEvent();
                }

                await FlushAsync();
            }
            finally
            {
                _writing.Release();
            }
        }

        frontEnd.Cancel(choice.Request, "stop");
    }

    private async Task FlushAsync()
    {
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
        _writtenAt = time.GetTimestamp();
    }

    private void BeginEvent()
    {
        Write("data: "u8);
        _json.Reset(context.Response.BodyWriter);
    }

    private void EndEvent()
    {
        _json.Flush();
        Write("\n\n"u8);
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(context.Response.BodyWriter.GetSpan(bytes.Length));
        context.Response.BodyWriter.Advance(bytes.Length);
    }
}
