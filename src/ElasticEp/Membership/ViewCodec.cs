using System.IO.Hashing;

namespace ElasticEp.Membership;

/// <summary>The one encoding of a view; its hash is the digest that members acknowledge.</summary>
internal static class ViewCodec
{
    public static void Write(WireWriter writer, GroupView view)
    {
        writer.Long(view.Epoch);
        writer.Long(view.StartStep);
        writer.Int(view.Coordinator);
        writer.Bool(view.IsTerminal);
        writer.Int(view.Members.Length);
        foreach (var member in view.Members)
        {
            writer.Int(member.Rank);
            writer.Long(member.Incarnation);
            writer.Text(member.Address);
        }

        WritePlacement(writer, view.Placement);
    }

    public static GroupView Read(ref WireReader reader)
    {
        var epoch = reader.Long();
        var startStep = reader.Long();
        var coordinator = reader.Int();
        var isTerminal = reader.Bool();
        var members = new GroupMember[reader.Count(16)];
        for (var i = 0; i < members.Length; i++)
            members[i] = new GroupMember(reader.Int(), reader.Long(), reader.Text());
        return new GroupView(epoch, startStep, coordinator, members, ReadPlacement(ref reader), isTerminal);
    }

    public static ulong Digest(GroupView view)
    {
        var writer = new WireWriter();
        Write(writer, view);
        return XxHash64.HashToUInt64(writer.Written.Span);
    }

    private static void WritePlacement(WireWriter writer, ExpertPlacement placement)
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
    }

    private static ExpertPlacement ReadPlacement(ref WireReader reader)
    {
        var experts = reader.Int();
        var ranks = new int[reader.Count(4)];
        for (var i = 0; i < ranks.Length; i++)
            ranks[i] = reader.Int();
        var slots = new int[reader.Count(4 * ranks.Length)][][];
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
            return new ExpertPlacement(experts, ranks, slots);
        }
        catch (ArgumentException exception)
        {
            throw WireReader.Malformed(exception.Message);
        }
    }
}
