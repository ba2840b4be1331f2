namespace ElasticEp.Protocol;

/// <summary>What a process that waits to be admitted holds of the weights, as its registration says. A plan is the better for it; nothing relies on it.</summary>
/// <param name="HasDense">Whether it holds the dense weights, and has warmed up.</param>
/// <param name="Experts">The experts that it holds, on its own rank; empty for none.</param>
/// <param name="Wanted">How many it has slots for, over all layers.</param>
/// <param name="Trouble">Why it has got no further; empty when it has.</param>
internal sealed record StandbyState(bool HasDense, ExpertPlacement Experts, int Wanted, string Trouble = "")
{
    /// <summary>How many experts it holds, over all layers.</summary>
    public int Held => Enumerable.Range(0, Experts.Layers).Sum(layer => Experts.GetSlots(layer, Experts.Ranks[0]).Length);

    public override string ToString() =>
        (HasDense ? $"dense weights held, {Held} of {Wanted} experts" : "no weights yet") + (Trouble.Length > 0 ? $"; it could not fetch more and tries again: {Trouble}" : "");

    /// <summary>A bit for each expert.</summary>
    public void Write(WireWriter writer)
    {
        writer.Bool(HasDense);
        writer.Int(Wanted);
        writer.Text(Trouble);
        writer.Int(Experts.Experts);
        writer.Int(Experts.Layers);
        var bits = new byte[BytesOf(Experts.Experts)];
        for (var layer = 0; layer < Experts.Layers; layer++)
        {
            Array.Clear(bits);
            foreach (var expert in Experts.GetSlots(layer, Experts.Ranks[0]))
                bits[expert / 8] |= (byte)(1 << (expert % 8));
            writer.Bytes(bits);
        }
    }

    /// <param name="rank">Whose it is.</param>
    /// <param name="reader">At the state.</param>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/> for malformed bytes.</exception>
    public static StandbyState Read(int rank, ref WireReader reader)
    {
        var (hasDense, wanted, trouble, experts) = (reader.Bool(), reader.Int(), reader.Text(), reader.Int());
        if (experts < 0 || experts > int.MaxValue - 8)
            throw WireReader.Malformed($"a standby counts {experts} experts");
        var rows = new int[reader.Count(4 + BytesOf(experts))][][];
        for (var layer = 0; layer < rows.Length; layer++)
        {
            var bits = reader.Bytes();
            if (bits.Length != BytesOf(experts))
                throw WireReader.Malformed($"a standby has {bits.Length} bytes for {experts} experts");
            rows[layer] = [[.. Enumerable.Range(0, experts).Where(expert => (bits[expert / 8] & (1 << (expert % 8))) != 0)]];
        }

        return new StandbyState(hasDense, rows.Length == 0 ? ExpertPlacement.Empty : new ExpertPlacement(experts, [rank], rows), wanted, trouble);
    }

    private static int BytesOf(int experts) => (experts + 7) / 8;
}
