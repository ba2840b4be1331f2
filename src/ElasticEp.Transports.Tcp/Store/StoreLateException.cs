namespace ElasticEp.Transports.Tcp.Store;

/// <summary>An answer did not come in time. Never leaves the client.</summary>
internal sealed class StoreLateException : Exception;
