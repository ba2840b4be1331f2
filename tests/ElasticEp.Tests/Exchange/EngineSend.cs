namespace ElasticEp.Tests.Exchange;

/// <summary>What an engine has sent to a rank.</summary>
internal readonly record struct EngineSend(int To, int Lane, int Layer, bool IsReturn, int Count, EpBuffer Metadata, ReadOnlyMemory<EpBuffer> Rows);
