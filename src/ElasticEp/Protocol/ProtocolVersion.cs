namespace ElasticEp.Protocol;

/// <summary>
/// Versions of what processes of a group tell each other: the record, registrations and messages. A later version only appends fields, so
/// that a process reads what it knows of anything newer, until a version raises <see cref="Lowest"/>.
/// </summary>
internal static class ProtocolVersion
{
    /// <summary>What this library writes, unless somebody who has to read it knows only an earlier one.</summary>
    public const byte Current = 10;

    /// <summary>The earliest that this library reads.</summary>
    public const byte Lowest = 5;

    /// <summary>Who reads this knows views under which experts are loaded again.</summary>
    public const byte Reloads = 6;

    /// <summary>Who reads this takes a launcher's word that a process has ended.</summary>
    public const byte Ends = 7;

    /// <summary>Who reads this may get several plans under one operation.</summary>
    public const byte Replans = 7;

    /// <summary>Who reads this takes long messages from the weights link.</summary>
    public const byte LongMessages = 9;

    /// <summary>Who reads this sends weights to standbys, and lets none of that hold up its own preparation.</summary>
    public const byte Standbys = 9;

    /// <summary>Who reads this knows which copies of experts are passive.</summary>
    public const byte PassiveCopies = 10;

    /// <summary>Who reads this knows the base of a Prepare by its epoch and digest, and says so when it holds another.</summary>
    public const byte NamedBases = 10;
}
