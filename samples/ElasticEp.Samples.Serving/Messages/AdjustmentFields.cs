namespace ElasticEp.Samples.Serving.Messages;

/// <summary><see cref="LogitAdjustments"/> in an assignment. Tokens that end a text are not among them: the rank knows its model's.</summary>
internal static class AdjustmentFields
{
    public static void Write(BinaryWriter writer, LogitAdjustments adjustments)
    {
        writer.Write(!adjustments.IsNone);
        if (adjustments.IsNone)
            return;
        TokenIds.Write(writer, adjustments.AllowedTokens);
        writer.Write(adjustments.BannedWords.Count);
        foreach (var word in adjustments.BannedWords)
            TokenIds.Write(writer, word);
        writer.Write(adjustments.MinTokens);
        writer.Write(adjustments.Biases.Count);
        foreach (var (token, bias) in adjustments.Biases)
        {
            writer.Write(token);
            writer.Write(bias);
        }

        writer.Write(adjustments.RepetitionPenalty);
        writer.Write(adjustments.FrequencyPenalty);
        writer.Write(adjustments.PresencePenalty);
    }

    /// <exception cref="FormatException">A list has not as many entries as it says.</exception>
    public static LogitAdjustments Read(BinaryReader reader) => !reader.ReadBoolean() ? LogitAdjustments.None : new LogitAdjustments
    {
        AllowedTokens = TokenIds.Read(reader),
        BannedWords = ReadWords(reader),
        MinTokens = reader.ReadInt32(),
        Biases = ReadBiases(reader),
        RepetitionPenalty = reader.ReadSingle(),
        FrequencyPenalty = reader.ReadSingle(),
        PresencePenalty = reader.ReadSingle(),
    };

    private static int[][] ReadWords(BinaryReader reader)
    {
        var words = new int[TokenIds.ReadCount(reader, sizeof(int))][];
        for (var i = 0; i < words.Length; i++)
            words[i] = TokenIds.Read(reader);
        return words;
    }

    private static TokenBias[] ReadBiases(BinaryReader reader)
    {
        var biases = new TokenBias[TokenIds.ReadCount(reader, sizeof(int) + sizeof(float))];
        for (var i = 0; i < biases.Length; i++)
            biases[i] = new TokenBias(reader.ReadInt32(), reader.ReadSingle());
        return biases;
    }
}
