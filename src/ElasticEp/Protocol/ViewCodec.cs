using System.IO.Hashing;

namespace ElasticEp.Protocol;

/// <summary>
/// The one encoding of a view; its hash is the digest that members acknowledge. It has two parts, each of which is made once and kept: the
/// placement's, and the rest, which the view keeps.
/// </summary>
internal static class ViewCodec
{
    // A placement with every expert has four bytes for each; one that has lost many has fewer, but not this few.
    private const int ExpertsPerByte = 64;

    public static void Write(WireWriter writer, GroupView view)
    {
        writer.Share(view.Head);
        writer.Share(view.Placement.Encode());
    }

    /// <summary>A view without its placement.</summary>
    public static ReadOnlyMemory<byte> EncodeHead(GroupView view)
    {
        var writer = new WireWriter();
        writer.Long(view.Epoch);
        writer.Long(view.StartStep);
        writer.Int(view.Coordinator);
        writer.Bool(view.IsTerminal);
        writer.Int(view.Members.Length);
        foreach (var member in view.Members)
            MemberCodec.Write(writer, member);
        return writer.Written.ToArray();
    }

    public static GroupView Read(ref WireReader reader)
    {
        var epoch = reader.Long();
        var startStep = reader.Long();
        var coordinator = reader.Int();
        var isTerminal = reader.Bool();
        var members = new GroupMember[reader.Count(MemberCodec.LeastBytes)];
        for (var i = 0; i < members.Length; i++)
        {
            members[i] = MemberCodec.Read(ref reader);
            if (members[i].Rank < 0 || (i > 0 && members[i].Rank <= members[i - 1].Rank))
                throw WireReader.Malformed($"rank {members[i].Rank} is negative or out of order");
        }

        if (coordinator != -1 && !members.Any(member => member.Rank == coordinator))
            throw WireReader.Malformed($"the coordinator {coordinator} is not a member");
        return new GroupView(epoch, startStep, coordinator, members, ReadPlacement(ref reader), isTerminal);
    }

    public static ulong Digest(GroupView view)
    {
        var hash = new XxHash64();
        hash.Append(view.Head.Span);
        hash.Append(view.Placement.Encode().Span);
        return hash.GetCurrentHashAsUInt64();
    }

    /// <summary>What <see cref="ExpertPlacement.Encode"/> keeps.</summary>
    public static byte[] EncodePlacement(ExpertPlacement placement)
    {
        var writer = new WireWriter();
        WritePlacement(writer, placement);
        return writer.Written.ToArray();
    }

    public static void WritePlacement(WireWriter writer, ExpertPlacement placement)
    {
        writer.Int(placement.Experts);
        writer.Int(placement.Ranks.Length);
        foreach (var rank in placement.Ranks)
            writer.Int(rank);
        writer.Int(placement.Layers);
        for (var layer = 0; layer < placement.Layers; layer++)
        {
            foreach (var rank in placement.Ranks)
            {
                var slots = placement.GetSlots(layer, rank);
                writer.Int(slots.Length);
                foreach (var expert in slots)
                    writer.Int(expert);
            }
        }

        PassiveCodec.Write(writer, placement);
    }

    public static ExpertPlacement ReadPlacement(ref WireReader reader)
    {
        var experts = reader.Int();
        var ranks = new int[reader.Count(4)];
        for (var i = 0; i < ranks.Length; i++)
            ranks[i] = reader.Int();
        var layers = reader.Count(Math.Max(4, 4 * ranks.Length));
        if (ranks.Length == 0 && layers > 0)
            throw WireReader.Malformed($"{layers} layers on no rank");
        var slots = new int[layers][][];
        if (experts < 0 || (long)experts * slots.Length > (long)ExpertsPerByte * reader.Left)
            throw WireReader.Malformed($"{experts} experts in {slots.Length} layers do not fit into {reader.Left} bytes");
        for (var layer = 0; layer < slots.Length; layer++)
        {
            slots[layer] = new int[ranks.Length][];
            for (var i = 0; i < ranks.Length; i++)
            {
                slots[layer][i] = new int[reader.Count(4)];
                for (var slot = 0; slot < slots[layer][i].Length; slot++)
                    slots[layer][i][slot] = reader.Int();
            }
        }

        try
        {
            return PassiveCodec.Read(ref reader, new ExpertPlacement(experts, ranks, slots));
        }
        catch (ArgumentException exception)
        {
            throw WireReader.Malformed(exception.Message);
        }
    }
}
