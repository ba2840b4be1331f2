namespace ElasticEp.Protocol;

/// <summary>How a rank announces itself in the store.</summary>
internal static class Registration
{
    /// <param name="member">The rank.</param>
    /// <param name="processId">Id of its process on its machine: for people.</param>
    public static ReadOnlyMemory<byte> Encode(GroupMember member, int processId) => Envelope.Write(ProtocolVersion.Current, writer =>
    {
        MemberCodec.Write(writer, member);
        writer.Int(processId);
    });

    /// <returns>The rank, and the id of its process.</returns>
    /// <exception cref="ElasticEpException">It is damaged, or of a version that this process does not read.</exception>
    public static (GroupMember Member, int ProcessId) Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = Envelope.Open(bytes, "A registration");
        var member = MemberCodec.Read(ref reader);
        var processId = reader.Int();
        Envelope.End(bytes[0], reader);
        return (member, processId);
    }
}
