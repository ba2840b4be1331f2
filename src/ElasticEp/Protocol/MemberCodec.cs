namespace ElasticEp.Protocol;

/// <summary>The one encoding of a member: in views, in the group's record, and as a rank announces itself.</summary>
internal static class MemberCodec
{
    /// <summary>Bytes of the shortest.</summary>
    public const int LeastBytes = 21;

    public static void Write(WireWriter writer, GroupMember member)
    {
        writer.Int(member.Rank);
        writer.Long(member.Incarnation);
        writer.Text(member.Address);
        writer.Text(member.Node);
        writer.Byte(member.ReadsVersion);
    }

    public static GroupMember Read(ref WireReader reader)
    {
        var member = ReadFields(ref reader);
        return member.ReadsVersion >= ProtocolVersion.Lowest ? member : throw WireReader.Malformed($"rank {member.Rank} reads version {member.ReadsVersion}; {ProtocolVersion.Lowest} is the lowest that is written");
    }

    private static GroupMember ReadFields(ref WireReader reader) => new(reader.Int(), reader.Long(), reader.Text(), reader.Text()) { ReadsVersion = reader.Byte() };
}
