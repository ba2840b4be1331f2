namespace ElasticEp.Protocol;

/// <summary>How a rank announces itself in the store.</summary>
internal static class Registration
{
    /// <param name="member">The rank.</param>
    /// <param name="processId">Id of its process on its machine: for people.</param>
    /// <param name="epoch">Of the view that it uses; zero for none.</param>
    /// <param name="standby">What it holds while it waits to be admitted; null when it has not begun to fetch.</param>
    public static ReadOnlyMemory<byte> Encode(GroupMember member, int processId, long epoch, StandbyState? standby = null) => Envelope.Write(ProtocolVersion.Current, writer =>
    {
        MemberCodec.Write(writer, member);
        writer.Int(processId);
        writer.Long(epoch);
        writer.Bool(standby is not null);
        standby?.Write(writer);
    });

    /// <summary>Incarnation of whoever has registered; zero when that cannot be read.</summary>
    public static long IncarnationOf(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return Decode(bytes).Member.Incarnation;
        }
        catch (ElasticEpException)
        {
            return 0;
        }
    }

    /// <returns>The rank, the id of its process, the epoch of the view that it used, and what it holds as a standby.</returns>
    /// <exception cref="ElasticEpException">It is damaged, or of a version that this process does not read.</exception>
    public static (GroupMember Member, int ProcessId, long Epoch, StandbyState? Standby) Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = Envelope.Open(bytes, "A registration");
        var member = MemberCodec.Read(ref reader);
        var processId = reader.Int();
        var epoch = reader.Long();
        var standby = reader.Bool() ? StandbyState.Read(member.Rank, ref reader) : null;
        Envelope.End(bytes[0], reader);
        return (member, processId, epoch, standby);
    }
}
