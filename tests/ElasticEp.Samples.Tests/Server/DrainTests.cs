using ElasticEp.Samples.Tests.Model;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>A leaver's requests finish within the drain time, or go on elsewhere when it is over; nobody sees a difference.</summary>
public sealed class DrainTests
{
    private const int Streams = 8;
    private const int Tokens = 400;

    [Fact]
    public async Task Requests_finish_on_the_leaver_while_drain_time_lasts() => Assert.Equal(0, await LeaveUnderLoadAsync(drainTimeout: 50));

    [Fact]
    public async Task Requests_are_handed_back_when_drain_time_is_over() => Assert.True(await LeaveUnderLoadAsync(drainTimeout: 0.001) > 0);

    /// <summary>How many streams were handed back in the middle while a rank left.</summary>
    private static async Task<long> LeaveUnderLoadAsync(double drainTimeout)
    {
        await using var server = await TestServer.StartAsync(2);
        var prompts = GoldenFile.Cases.Take(Streams).Select(golden => golden.PromptIds).ToArray();
        var expected = await Task.WhenAll(prompts.Select(prompt => server.CompleteAsync(prompt, Tokens)));
        var streams = prompts.Select(prompt => server.StreamAsync(prompt, Tokens)).ToArray();
        var started = TimeProvider.System.GetTimestamp();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (server.FrontEnd.Released < Streams * (Tokens + 20) && await timer.WaitForNextTickAsync())
            Assert.True(TimeProvider.System.GetElapsedTime(started) < TestServer.Deadline, "the streams do not get on");

        await server.ScaleAsync(new { remove_ranks = new[] { 1 }, drain_timeout = drainTimeout });
        var view = await server.Client.ViewAsync();
        Assert.Equal([0], view.Ranks);
        Assert.Equal(expected, await Task.WhenAll(streams));
        return server.FrontEnd.HandBacks;
    }
}
