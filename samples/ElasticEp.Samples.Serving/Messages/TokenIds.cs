namespace ElasticEp.Samples.Serving.Messages;

/// <summary>Lists in messages.</summary>
internal static class TokenIds
{
    public static void Write(BinaryWriter writer, IReadOnlyList<int> ids)
    {
        writer.Write(ids.Count);
        for (var i = 0; i < ids.Count; i++)
            writer.Write(ids[i]);
    }

    /// <exception cref="FormatException">There are not as many as it says.</exception>
    public static int[] Read(BinaryReader reader)
    {
        var ids = new int[ReadCount(reader, sizeof(int))];
        for (var i = 0; i < ids.Length; i++)
            ids[i] = reader.ReadInt32();
        return ids;
    }

    /// <summary>How many entries follow, of at least so many bytes each.</summary>
    /// <exception cref="FormatException">There are not as many as it says.</exception>
    public static int ReadCount(BinaryReader reader, int size)
    {
        var count = reader.ReadInt32();
        if (count < 0 || count > (reader.BaseStream.Length - reader.BaseStream.Position) / size)
            throw new FormatException($"a message has a list of {count} entries, which are not there");
        return count;
    }
}
