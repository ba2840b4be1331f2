namespace ElasticEp.Samples.Server.Serving;

/// <summary>A request on its way to a rank. Sampling is a pure function of (seed, position), so any rank continues it alike.</summary>
/// <param name="Request">Number of the request at the front end.</param>
/// <param name="Owner">Counts the assignments of the request; tokens of an earlier one are ignored.</param>
/// <param name="Prompt">Token ids of the prompt.</param>
/// <param name="Generated">Tokens released so far, by earlier owners.</param>
/// <param name="Options">How to generate.</param>
internal sealed record Assignment(long Request, int Owner, int[] Prompt, int[] Generated, GenerationOptions Options)
{
    public ReadOnlyMemory<byte> Encode()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(Request);
        writer.Write(Owner);
        WriteIds(writer, Prompt);
        WriteIds(writer, Generated);
        writer.Write(Options.MaxTokens);
        writer.Write(Options.Temperature);
        writer.Write(Options.Seed);
        writer.Write(Options.IgnoreEos);
        writer.Flush();
        return stream.ToArray();
    }

    public static Assignment Decode(ReadOnlyMemory<byte> payload)
    {
        using var reader = new BinaryReader(new MemoryStream(payload.ToArray()));
        return new Assignment(
            reader.ReadInt64(),
            reader.ReadInt32(),
            ReadIds(reader),
            ReadIds(reader),
            new GenerationOptions(reader.ReadInt32(), reader.ReadSingle(), reader.ReadUInt64(), reader.ReadBoolean()));
    }

    private static void WriteIds(BinaryWriter writer, int[] ids)
    {
        writer.Write(ids.Length);
        foreach (var id in ids)
            writer.Write(id);
    }

    private static int[] ReadIds(BinaryReader reader)
    {
        var ids = new int[reader.ReadInt32()];
        for (var i = 0; i < ids.Length; i++)
            ids[i] = reader.ReadInt32();
        return ids;
    }
}
