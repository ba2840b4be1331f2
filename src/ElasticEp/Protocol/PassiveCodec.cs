namespace ElasticEp.Protocol;

/// <summary>
/// Which copies of a placement are passive, at the end of its encoding: a bit for each slot, layer after layer and rank after rank, the
/// lowest of a byte first; no bytes at all when every copy is active.
/// </summary>
internal static class PassiveCodec
{
    public static void Write(WireWriter writer, ExpertPlacement placement)
    {
        if (!placement.HasPassive)
        {
            writer.Bytes([]);
            return;
        }

        var bits = new byte[BytesOf(placement)];
        var place = 0;
        for (var layer = 0; layer < placement.Layers; layer++)
        {
            foreach (var rank in placement.Ranks)
            {
                foreach (var isPassive in placement.GetPassiveSlots(layer, rank))
                {
                    if (isPassive)
                        bits[place / 8] |= (byte)(1 << (place % 8));
                    place++;
                }
            }
        }

        writer.Bytes(bits);
    }

    /// <returns>The placement with the copies passive that are.</returns>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/> for malformed bytes.</exception>
    /// <exception cref="ArgumentException">An expert would have copies and no active one.</exception>
    public static ExpertPlacement Read(ref WireReader reader, ExpertPlacement placement)
    {
        var bits = reader.Bytes();
        if (bits.Length == 0)
            return placement;
        if (bits.Length != BytesOf(placement))
            throw WireReader.Malformed($"{bits.Length} bytes say which copies are passive; the placement needs {BytesOf(placement)}");
        var (passive, place) = (new bool[placement.Layers][][], 0);
        for (var layer = 0; layer < passive.Length; layer++)
        {
            passive[layer] = new bool[placement.Ranks.Length][];
            for (var index = 0; index < passive[layer].Length; index++)
            {
                var slots = placement.GetSlots(layer, placement.Ranks[index]);
                passive[layer][index] = new bool[slots.Length];
                for (var slot = 0; slot < slots.Length; slot++, place++)
                {
                    passive[layer][index][slot] = IsSet(bits, place);
                    if (IsSet(bits, place) && slots[slot] < 0)
                        throw WireReader.Malformed($"the empty slot {slot} of rank {placement.Ranks[index]} in layer {layer} is passive");
                }
            }
        }

        for (; place < bits.Length * 8; place++)
        {
            if (IsSet(bits, place))
                throw WireReader.Malformed("a copy is passive behind the last slot");
        }

        var read = placement.WithPassiveSlots(passive);
        return read.HasPassive ? read : throw WireReader.Malformed("no copy is passive, and bytes say so");
    }

    private static bool IsSet(byte[] bits, int place) => (bits[place / 8] & (1 << (place % 8))) != 0;

    private static int BytesOf(ExpertPlacement placement)
    {
        var slots = 0;
        for (var layer = 0; layer < placement.Layers; layer++)
        {
            foreach (var rank in placement.Ranks)
                slots += placement.GetSlots(layer, rank).Length;
        }

        return (slots + 7) / 8;
    }
}
