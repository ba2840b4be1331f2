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
/// <param name="times">What a stream waits for.</param>
/// <param name="time">The clock.</param>
internal sealed class GenerationAnswer(
    HttpContext context, GenerationCall call, GenerationFormat format, FrontEnd frontEnd, ChoiceReader[] choices, StreamTimes times, TimeProvider time) : IDisposable
{
    private static readonly JsonWriterOptions JsonOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly EventStream _stream = new(context, times.SlowReaderTimeout, time);
    private long _writtenAt;

    private int PromptTokens => call.Prompts.Sum(prompt => prompt.Length);

    public async Task WriteWholeAsync()
    {
        var results = await Task.WhenAll(choices.Select(CollectAsync));
        context.Response.ContentType = "application/json";
        using (var json = new Utf8JsonWriter(context.Response.BodyWriter, JsonOptions))
            format.WriteWhole(json, results, PromptTokens);
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
    }

    /// <exception cref="ElasticEpException">The call failed before its first token: the caller can still be told by the status.</exception>
    /// <exception cref="RejectedException">It was given up before its first token.</exception>
    public async Task WriteStreamAsync()
    {
        _writtenAt = time.GetTimestamp();
        try
        {
            await StreamChoicesAsync();
            if (call.IncludesUsage)
            {
                format.WriteUsageChunk(_stream.BeginEvent(), PromptTokens, choices.Sum(choice => choice.Tokens));
                _stream.EndEvent();
            }

            _stream.Write("data: [DONE]\n\n"u8);
        }
        catch (Exception exception) when (_stream.HasBegun && exception is ElasticEpException or RejectedException)
        {
            var error = exception is RejectedException rejected ? HttpErrors.Describe(rejected) : HttpErrors.Describe((ElasticEpException)exception);
            JsonSerializer.Serialize(_stream.BeginEvent(), error.Body, HttpJson.Readable.ErrorResponse);
            _stream.EndEvent();
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
        var keepingAlive = times.KeepAliveInterval > TimeSpan.Zero ? KeepAliveAsync(ended.Token) : Task.CompletedTask;
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
            for (var due = times.KeepAliveInterval; ; due = times.KeepAliveInterval - time.GetElapsedTime(_writtenAt))
            {
                await Task.Delay(due > TimeSpan.Zero ? due : TimeSpan.Zero, time, ended);
                await _writing.WaitAsync(ended);
                try
                {
                    if (time.GetElapsedTime(_writtenAt) < times.KeepAliveInterval)
                        continue;
                    await _stream.BeginAsync();
                    _stream.Write(": keep-alive\n\n"u8);
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

    /// <summary>Writes what is there, then flushes once: several tokens may have come together. Not all of what a slow reader has let wait.</summary>
    private async Task StreamAsync(ChoiceReader choice)
    {
        while (await choice.WaitAsync(context.RequestAborted))
        {
            await _writing.WaitAsync(context.RequestAborted);
            try
            {
                await _stream.BeginAsync();
                while (!_stream.IsFull && choice.TryRead(out var delta))
                {
                    format.WriteChunk(_stream.BeginEvent(), new ReadOnlySpan<ChoiceDelta>(in delta), choice.Request.Prompt);
                    _stream.EndEvent();
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
        await _stream.FlushAsync(context.RequestAborted);
        _writtenAt = time.GetTimestamp();
    }
}
