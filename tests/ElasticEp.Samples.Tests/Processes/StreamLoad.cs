using ElasticEp.Samples.Tests.Model;
using ElasticEp.Samples.Tests.Server;

namespace ElasticEp.Samples.Tests.Processes;

/// <summary>Streams that run golden cases one after another and compare every token, until they are stopped.</summary>
internal sealed class StreamLoad : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly ServerClient _client;
    private readonly Task[] _streams;
    private readonly long[] _lastTokens;
    private long _longestGap; // ticks of a timestamp
    private int _completed;

    public StreamLoad(ServerClient client, int streams)
    {
        _client = client;
        _lastTokens = new long[streams];
        _streams = [.. Enumerable.Range(0, streams).Select(stream => Task.Run(() => RunAsync(stream)))];
    }

    /// <summary>The longest time that a stream waited for its next token, since <see cref="BeginGaps"/>. Waits that have not ended count.</summary>
    public TimeSpan LongestGap
    {
        get
        {
            var now = TimeProvider.System.GetTimestamp();
            return TimeProvider.System.GetElapsedTime(0, _lastTokens.Select(last => now - Volatile.Read(in last)).Append(Volatile.Read(ref _longestGap)).Max());
        }
    }

    /// <summary>From now on gaps are measured.</summary>
    public void BeginGaps()
    {
        Array.Fill(_lastTokens, TimeProvider.System.GetTimestamp());
        Volatile.Write(ref _longestGap, 0);
    }

    /// <summary>Waits until every stream has a request at the server; the view then.</summary>
    public async Task<ServerView> WaitUntilAllRunAsync()
    {
        ServerView view = null!;
        await WaitAsync(async () => (view = await _client.ViewAsync()).Outstanding >= _streams.Length, "all streams to run");
        return view;
    }

    /// <summary>Waits until so many more golden cases are through.</summary>
    public async Task WaitForCompletedAsync(int count)
    {
        var target = Volatile.Read(ref _completed) + count;
        await WaitAsync(() => Task.FromResult(Volatile.Read(ref _completed) >= target), $"{count} more completions");
    }

    /// <summary>Lets every stream end its case; throws if one saw a wrong token or an error.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_streams).WaitAsync(TestServer.Deadline);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _stop.Dispose();
    }

    private async Task RunAsync(int stream)
    {
        for (var i = stream; !_stop.IsCancellationRequested; i++)
        {
            var golden = GoldenFile.Cases[i % GoldenFile.Cases.Count];
            Assert.Equal(golden.GreedyIds, await _client.StreamAsync(golden.PromptIds, golden.GreedyIds.Length, () => NoteToken(stream)));
            Interlocked.Increment(ref _completed);
        }
    }

    private void NoteToken(int stream)
    {
        var now = TimeProvider.System.GetTimestamp();
        var gap = now - Interlocked.Exchange(ref _lastTokens[stream], now);
        for (var longest = Volatile.Read(ref _longestGap); gap > longest; longest = Volatile.Read(ref _longestGap))
            Interlocked.CompareExchange(ref _longestGap, gap, longest);
    }

    private async Task WaitAsync(Func<Task<bool>> isTrue, string what)
    {
        var started = TimeProvider.System.GetTimestamp();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(10)); // the streams and the servers need the processors
        while (!await isTrue())
        {
            if (_streams.FirstOrDefault(stream => stream.IsFaulted) is { } failed)
                await failed;
            Assert.True(TimeProvider.System.GetElapsedTime(started) < TestServer.Deadline, $"Waited {TestServer.Deadline} for {what}.");
            await timer.WaitForNextTickAsync();
        }
    }
}
