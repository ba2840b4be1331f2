namespace ElasticEp.Protocol;

/// <summary>How a rank announces itself in the store.</summary>
internal static class Registration
{
    public static ReadOnlyMemory<byte> Encode(GroupMember member)
    {
        var writer = new WireWriter();
        MemberCodec.Write(writer, member);
        return writer.Written;
    }

    public static GroupMember Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new WireReader(bytes);
        return MemberCodec.Read(ref reader);
    }
}
