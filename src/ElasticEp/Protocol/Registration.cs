namespace ElasticEp.Protocol;

/// <summary>How a rank announces itself in the store.</summary>
internal static class Registration
{
    public static ReadOnlyMemory<byte> Encode(GroupMember member) => Envelope.Write(ProtocolVersion.Current, writer => MemberCodec.Write(writer, member));

    /// <exception cref="ElasticEpException">It is damaged, or of a version that this process does not read.</exception>
    public static GroupMember Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = Envelope.Open(bytes, "A registration");
        var member = MemberCodec.Read(ref reader);
        Envelope.End(bytes[0], reader);
        return member;
    }
}
