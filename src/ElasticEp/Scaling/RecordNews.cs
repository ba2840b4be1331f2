namespace ElasticEp.Scaling;

/// <summary>What an answer of the store means.</summary>
internal enum RecordNews
{
    /// <summary>Nothing: it answers no request that is under way, or the outcome is still not known.</summary>
    None,

    /// <summary>The record is known, and is the one that was known before.</summary>
    Known,

    /// <summary>The record is known, and somebody else has written it.</summary>
    Changed,

    /// <summary>The write has been done.</summary>
    Acknowledged,

    /// <summary>Somebody else has written before; the record has to be read again.</summary>
    Refused,

    /// <summary>The store has lost what it held.</summary>
    Lost,
}
