using Microsoft.Extensions.Time.Testing;

namespace ElasticEp.Tests.Exchange;

/// <summary>Runs a test's code when a timestamp is taken.</summary>
internal sealed class WatchedTime : FakeTimeProvider
{
    public Action? Read { get; set; }

    public override long GetTimestamp()
    {
        Read?.Invoke();
        return base.GetTimestamp();
    }
}
