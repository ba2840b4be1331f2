namespace ElasticEp.Samples.Server.Http;

/// <summary>What a stream waits for.</summary>
/// <param name="KeepAliveInterval">How long it may be silent before it gets a comment line; zero for no such lines.</param>
/// <param name="SlowReaderTimeout">How long its reader may take nothing; zero for ever.</param>
internal readonly record struct StreamTimes(TimeSpan KeepAliveInterval, TimeSpan SlowReaderTimeout)
{
    public static StreamTimes Of(ServerSettings settings) => new(settings.SseKeepAliveInterval, settings.SlowReaderTimeout);
}
