namespace ElasticEp.Protocol;

/// <summary>The one encoding of a member: in views, in the group's record, and as a rank announces itself.</summary>
internal static class MemberCodec
{
    /// <summary>Bytes of the shortest.</summary>
    public const int LeastBytes = 20;

    public static void Write(WireWriter writer, GroupMember member)
    {
        writer.Int(member.Rank);
        writer.Long(member.Incarnation);
        writer.Text(member.Address);
        writer.Text(member.Node);
    }

    public static GroupMember Read(ref WireReader reader) => new(reader.Int(), reader.Long(), reader.Text(), reader.Text());
}
