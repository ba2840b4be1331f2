using ElasticEp.Membership;

namespace ElasticEp.Runtime;

/// <summary>How a rank announces itself in the store.</summary>
internal static class Registration
{
    public static ReadOnlyMemory<byte> Encode(GroupMember member)
    {
        var writer = new WireWriter();
        writer.Int(member.Rank);
        writer.Long(member.Incarnation);
        writer.Text(member.Address);
        return writer.Written;
    }

    public static GroupMember Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new WireReader(bytes);
        return new GroupMember(reader.Int(), reader.Long(), reader.Text());
    }
}
