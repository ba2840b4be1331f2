using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using ElasticEp.Samples.Bench.Measuring;

namespace ElasticEp.Samples.Bench.Http;

/// <summary>Reads the server-sent events of one completion and notes when its pieces came.</summary>
internal sealed class CompletionStream(RunClock clock, int expectedPieces)
{
    private readonly List<ChunkArrival> _chunks = new(expectedPieces + 1);

    public IReadOnlyList<ChunkArrival> Chunks => _chunks;

    /// <summary>Tokens that were seen to come.</summary>
    public int Tokens { get; private set; }

    public int? InputTokens { get; private set; }

    public int? OutputTokens { get; private set; }

    /// <summary>Whether a piece said why the answer ends.</summary>
    public bool IsFinished { get; private set; }

    /// <summary>Whether the end mark came.</summary>
    public bool IsDone { get; private set; }

    public string? Error { get; private set; }

    /// <exception cref="IOException">The connection broke.</exception>
    /// <exception cref="JsonException">An event cannot be read.</exception>
    public async Task ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var pipe = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));
        try
        {
            while (true)
            {
                var result = await pipe.ReadAsync(cancellationToken);
                var now = clock.Now;
                var buffer = result.Buffer;
                while (TryReadLine(ref buffer, out var line))
                    ReadLine(line, now);
                pipe.AdvanceTo(buffer.Start, buffer.End);
                if (result.IsCompleted)
                    return;
            }
        }
        finally
        {
            await pipe.CompleteAsync();
        }
    }

    private static bool TryReadLine(ref ReadOnlySequence<byte> buffer, out ReadOnlySequence<byte> line)
    {
        var reader = new SequenceReader<byte>(buffer);
        if (!reader.TryReadTo(out line, (byte)'\n'))
            return false;
        buffer = buffer.Slice(reader.Position);
        return true;
    }

    private void ReadLine(in ReadOnlySequence<byte> line, double now)
    {
        var reader = new SequenceReader<byte>(line);
        if (!reader.IsNext("data:"u8, advancePast: true))
            return; // a comment, an id, or the empty line after an event
        reader.AdvancePastAny((byte)' ', (byte)'\r');
        if (reader.End)
            return;
        if (reader.IsNext("[DONE]"u8))
        {
            IsDone = true;
            return;
        }

        var parsed = StreamEvent.Parse(reader.UnreadSequence);
        if (parsed.HasChoice)
        {
            _chunks.Add(new ChunkArrival(now, parsed.Tokens));
            Tokens += parsed.Tokens;
        }

        IsFinished |= parsed.IsFinal;
        InputTokens = parsed.InputTokens ?? InputTokens;
        OutputTokens = parsed.OutputTokens ?? OutputTokens;
        Error ??= parsed.Error;
    }
}
