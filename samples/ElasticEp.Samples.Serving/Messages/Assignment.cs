namespace ElasticEp.Samples.Serving.Messages;

/// <summary>A request on its way to a rank. Sampling is a pure function of (seed, position), so any rank continues it alike.</summary>
/// <param name="Request">Number of the request at the front end.</param>
/// <param name="Owner">Counts the assignments of the request; tokens of an earlier one are ignored.</param>
/// <param name="Prompt">Token ids of the prompt.</param>
/// <param name="Generated">Tokens released so far, by earlier owners.</param>
/// <param name="Options">How to generate.</param>
internal sealed record Assignment(long Request, int Owner, int[] Prompt, int[] Generated, GenerationOptions Options)
{
    /// <summary>Counts the assignments of the front end to this rank, from 1 on, so that the rank can state which ones it counts.</summary>
    public int Number { get; init; }

    public ReadOnlyMemory<byte> Encode()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(Request);
        writer.Write(Owner);
        TokenIds.Write(writer, Prompt);
        TokenIds.Write(writer, Generated);
        writer.Write(Options.MaxTokens);
        writer.Write(Options.IgnoreEos);
        writer.Write(Options.LogProbabilities);
        TokenIds.Write(writer, Options.StopTokens);
        writer.Write(Options.Sampling.Temperature);
        writer.Write(Options.Sampling.Seed);
        writer.Write(Options.Sampling.TopK);
        writer.Write(Options.Sampling.TopP);
        writer.Write(Options.Sampling.MinP);
        writer.Write(Options.PromptLogProbabilities);
        AdjustmentFields.Write(writer, Options.Adjustments);
        writer.Write(Number);
        writer.Flush();
        return stream.ToArray();
    }

    /// <exception cref="FormatException">It is cut off, or a count in it is wrong.</exception>
    public static Assignment Decode(ReadOnlyMemory<byte> payload)
    {
        try
        {
            return Read(payload);
        }
        catch (EndOfStreamException exception)
        {
            throw new FormatException("an assignment is cut off", exception);
        }
    }

    private static Assignment Read(ReadOnlyMemory<byte> payload)
    {
        using var reader = new BinaryReader(new MemoryStream(payload.ToArray()));
        var (request, owner, prompt, generated) = (reader.ReadInt64(), reader.ReadInt32(), TokenIds.Read(reader), TokenIds.Read(reader));
        var (maxTokens, ignoreEos, logProbabilities, stops) = (reader.ReadInt32(), reader.ReadBoolean(), reader.ReadInt32(), TokenIds.Read(reader));
        var sampling = new SamplingSettings(reader.ReadSingle(), reader.ReadUInt64(), reader.ReadInt32(), reader.ReadSingle(), reader.ReadSingle());
        var options = new GenerationOptions(maxTokens, sampling, ignoreEos)
        {
            LogProbabilities = logProbabilities,
            StopTokens = stops,
            PromptLogProbabilities = reader.ReadInt32(),
            Adjustments = AdjustmentFields.Read(reader),
        };
        return new Assignment(request, owner, prompt, generated, options) { Number = reader.ReadInt32() };
    }
}
