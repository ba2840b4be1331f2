using System.Collections.Concurrent;
using ElasticEp.Cuda.Windows;
using Microsoft.Win32.SafeHandles;

namespace ElasticEp.Gpu.Tests.Windows;

/// <summary>Ranks agree on their windows; files stand for memory, and hold the name of the rank that made them.</summary>
public sealed class WindowHandoversTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    private static readonly WindowLayout Layout = new(new WindowShape { MaxRanks = 2, MaxTokens = 4, Hidden = 8, RowType = ElementType.BFloat16, TopK = 1, Experts = 1, MoeLayers = 1, SlotsPerRank = 1 });

    private readonly string _folder = Directory.CreateTempSubdirectory("elastic-ep-").FullName;
    private readonly Dictionary<MemberId, WindowHandovers> _ranks = [];
    private readonly ConcurrentDictionary<(WindowHandovers, MemberId), bool> _given = [];
    private readonly ConcurrentQueue<string> _failures = [];

    public WindowHandoversTests() => Assert.SkipUnless(OperatingSystem.IsLinux(), "Descriptors travel on Linux only.");

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public void A_notice_is_read_as_it_was_written()
    {
        var notice = new WindowNotice(7, new UInt128(1, 2), new UInt128(3, 4), "GPU-01234567-89ab-cdef-0123-456789abcdef", "elasticep-window-0123456789abcdef");
        Assert.Equal(notice, WindowNotice.Read(notice.ToBytes()));
        Assert.Equal(ElasticEpErrorCode.ProtocolViolation, Assert.Throws<ElasticEpException>(() => WindowNotice.Read(new byte[WindowNotice.Length])).Code);
    }

    [Fact]
    public async Task Three_ranks_get_the_windows_that_the_others_made_for_them()
    {
        MemberId[] ids = [new(0, 11), new(1, 12), new(4, 13)];
        foreach (var id in ids)
            Add(id);
        var held = await MeetAllAsync(5, ids);
        Assert.Equal(6, held.Count);
        foreach (var ((source, receiver), name) in held)
            Assert.Equal($"{receiver} for {source}", name);
        Assert.Empty(await MeetAllAsync(6, ids)); // the next view: everybody has what is needed
        Assert.Empty(_failures);
    }

    [Fact]
    public async Task A_rank_that_began_anew_gets_its_window_again_and_its_new_one_is_fetched()
    {
        MemberId[] ids = [new(0, 11), new(1, 12)];
        foreach (var id in ids)
            Add(id);
        await MeetAllAsync(5, ids);
        _ranks[ids[1]].Dispose();
        Add(ids[1]); // its preparation failed, and it forgot everything
        var held = await MeetAllAsync(6, ids);
        Assert.Equal(2, held.Count);
    }

    [Fact]
    public async Task A_member_that_prepares_another_view_is_waited_for_in_vain()
    {
        Add(new MemberId(0, 11), limit: TimeSpan.FromMilliseconds(20));
        Add(new MemberId(1, 12), limit: TimeSpan.FromMilliseconds(20));
        var first = MeetAsync(new MemberId(0, 11), new MemberId(1, 12), 5);
        var second = MeetAsync(new MemberId(1, 12), new MemberId(0, 11), 6);
        var error = await Assert.ThrowsAsync<ElasticEpException>(() => first.WaitAsync(Limit, Cancelled));
        Assert.Equal((ElasticEpErrorCode.DeadlineExceeded, (int?)1), (error.Code, error.Rank));
        Assert.Contains("prepared the same view", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ElasticEpException>(() => second.WaitAsync(Limit, Cancelled));
    }

    [Fact]
    public async Task Two_ranks_of_one_GPU_are_refused_with_the_reason()
    {
        Add(new MemberId(0, 11), "GPU-same");
        Add(new MemberId(1, 12), "GPU-same");
        var error = await Assert.ThrowsAsync<ElasticEpException>(() => MeetAllAsync(5, new MemberId(0, 11), new MemberId(1, 12)));
        Assert.Equal(ElasticEpErrorCode.Incompatible, error.Code);
        Assert.Contains("both use GPU-same", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_socket_that_is_not_on_this_host_is_named()
    {
        var (self, other) = (new MemberId(0, 11), new MemberId(1, 12));
        Add(self);
        _ranks[self].Give(other, () => Export(self, other));
        _ranks[self].OnNotice(other, new WindowNotice(5, new UInt128(1, 1), 0, "GPU-other", "elasticep-window-nobody"));
        _ranks[other] = new WindowHandovers(other, "GPU-other", Layout, (_, _, _) => default, Limit, TimeProvider.System, _ => { });
        var error = await Assert.ThrowsAsync<ElasticEpException>(() => _ranks[self].MeetAsync(other, 5, _ => { }, Cancelled).WaitAsync(Limit, Cancelled));
        Assert.Contains("windows need ranks of one host", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Notices_of_earlier_processes_of_a_rank_are_forgotten()
    {
        var self = new MemberId(0, 11);
        Add(self);
        for (var incarnation = 20; incarnation < 60; incarnation++)
            _ranks[self].OnNotice(new MemberId(1, incarnation), new WindowNotice(5, 1, 0, "GPU-other", "name"));
        Assert.Equal(1, _ranks[self].Count);
    }

    public void Dispose()
    {
        foreach (var rank in _ranks.Values)
            rank.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private void Add(MemberId id, string? device = null, TimeSpan? limit = null) =>
        _ranks[id] = new WindowHandovers(id, device ?? $"GPU-{id.Rank}", Layout, NotifyFrom(id), limit ?? Limit, TimeProvider.System, failure => _failures.Enqueue(failure.Message));

    private Func<MemberId, byte[], CancellationToken, ValueTask> NotifyFrom(MemberId source) => (member, notice, _) =>
    {
        _ranks[member].OnNotice(source, WindowNotice.Read(notice));
        return default;
    };

    private async Task<Dictionary<(MemberId Source, MemberId Receiver), string>> MeetAllAsync(ulong operation, params MemberId[] ids)
    {
        var held = new Dictionary<(MemberId, MemberId), string>();
        var meetings = from source in ids
                       from receiver in ids
                       where source != receiver
                       select Task.Run(() => MeetAsync(source, receiver, operation, held), Cancelled);
        await Task.WhenAll(meetings.ToArray()).WaitAsync(Limit, Cancelled);
        return held;
    }

    private async Task MeetAsync(MemberId self, MemberId other, ulong operation, Dictionary<(MemberId Source, MemberId Receiver), string>? held = null)
    {
        if (_given.TryAdd((_ranks[self], other), true))
            _ranks[self].Give(other, () => Export(self, other));
        await _ranks[self].MeetAsync(other, operation, descriptor => Hold(held, self, other, descriptor), Cancelled);
    }

    private static void Hold(Dictionary<(MemberId Source, MemberId Receiver), string>? held, MemberId self, MemberId other, SafeFileHandle descriptor)
    {
        using var copy = new FileStream(descriptor, FileAccess.Read);
        var name = new StreamReader(copy).ReadToEnd();
        if (held is null)
            return;
        lock (held)
            held.Add((self, other), name);
    }

    private SafeFileHandle Export(MemberId receiver, MemberId source)
    {
        var path = Path.Combine(_folder, Guid.NewGuid().ToString("N"));
        File.WriteAllText(path, $"{receiver} for {source}");
        return File.OpenHandle(path);
    }
}
