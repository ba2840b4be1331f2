using System.Text.Encodings.Web;
using System.Text.Json;
using ElasticEp.Samples.Server.Serving;

namespace ElasticEp.Samples.Server.Http;

/// <summary>Answers one call, whole or as server-sent events.</summary>
internal sealed class GenerationAnswer(HttpContext context, GenerationCall call, GenerationFormat format, FrontEnd frontEnd, ChoiceReader[] choices) : IDisposable
{
    private static readonly JsonWriterOptions JsonOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly Utf8JsonWriter _json = new(Stream.Null, JsonOptions);

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
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted); // a request that waits for its turn has been heard
        try
        {
            await Task.WhenAll(choices.Select(StreamAsync));
            if (call.IncludesUsage)
            {
                BeginEvent();
                format.WriteUsageChunk(_json, PromptTokens, choices.Sum(choice => choice.Tokens));
                EndEvent();
            }

            Write("data: [DONE]\n\n"u8);
        }
        catch (ElasticEpException exception)
        {
            BeginEvent();
            JsonSerializer.Serialize(_json, HttpErrors.Describe(exception).Body, HttpJson.Readable.ErrorResponse);
            EndEvent();
        }

        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
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

                await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
            }
            finally
            {
                _writing.Release();
            }
        }

        frontEnd.Cancel(choice.Request, "stop");
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
