using System.Buffers;
using ElasticEp.Rendezvous;
using ElasticEp.Transports.Tcp.Store;

namespace ElasticEp.Tests.Tcp;

/// <summary>The log of the store's file: bytes in, state out.</summary>
public sealed class StoreLogTests
{
    private static readonly Guid Identity = Guid.Parse("6f1c0a52-98d4-4c0e-9a3b-0c6f3f1f2a77");

    private readonly MemoryStream _log = new();
    private readonly List<(long Length, string State)> _states = [];
    private readonly List<byte[]> _batches = [];

    public StoreLogTests()
    {
        _log.Write(StoreLog.Header(Identity));
        _states.Add((_log.Length, Print(new StoreState())));
        Batch(static log => StoreLogOperations.WritePut(log, new StoreEntry("a", "first"u8.ToArray(), 1), 0));
        Batch(static log =>
        {
            StoreLogOperations.WriteLease(log, 1, TimeSpan.FromSeconds(10));
            StoreLogOperations.WritePut(log, new StoreEntry("under a lease", new byte[40], 2), 1);
        });
        Batch(static log => StoreLogOperations.WriteDelete(log, "a", 3));
        Batch(static log =>
        {
            StoreLogOperations.WriteDelete(log, "under a lease", 4);
            StoreLogOperations.WriteEndLease(log, 1);
        });
        Batch(static log => StoreLogOperations.WritePut(log, new StoreEntry("b", "last"u8.ToArray(), 5), 0));
    }

    [Fact]
    public void A_log_leads_to_the_state_that_was_written()
    {
        var replay = StoreLog.Replay(_log.ToArray());

        Assert.Equal(Identity, replay.Identity);
        Assert.Equal(_log.Length, replay.Length);
        Assert.Equal("5 1 b@5:0=6C617374", Print(replay.State));
    }

    [Fact]
    public void Every_prefix_leads_to_the_state_after_its_last_whole_batch()
    {
        var log = _log.ToArray();
        for (var length = 0; length < log.Length; length++)
        {
            if (length < StoreLog.HeaderSize)
            {
                Assert.Equal(ElasticEpErrorCode.ChecksumMismatch, Assert.Throws<ElasticEpException>(() => StoreLog.Replay(log.AsSpan(0, length))).Code);
                continue;
            }

            var replay = StoreLog.Replay(log.AsSpan(0, length));
            var (whole, state) = _states.Last(state => state.Length <= length);
            Assert.Equal(whole, replay.Length);
            Assert.Equal(state, Print(replay.State));
        }
    }

    [Fact]
    public void Every_flipped_bit_is_refused_unless_it_is_in_the_last_batch_which_is_cut()
    {
        var log = _log.ToArray();
        for (var bit = 0; bit < 8 * log.Length; bit++)
        {
            var damaged = (byte[])log.Clone();
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            if (bit / 8 < _states[^2].Length)
            {
                var refused = Assert.Throws<ElasticEpException>(() => StoreLog.Replay(damaged));
                var batch = bit / 8 < StoreLog.HeaderSize ? 0 : _states.Last(state => state.Length <= bit / 8).Length;
                Assert.Equal(ElasticEpErrorCode.ChecksumMismatch, refused.Code);
                Assert.Contains($"offset {batch}:", refused.Message, StringComparison.Ordinal);
            }
            else
            {
                var replay = StoreLog.Replay(damaged);
                Assert.Equal(_states[^2], (replay.Length, Print(replay.State)));
            }
        }
    }

    [Fact]
    public void A_value_that_holds_a_whole_log_does_not_pass_for_batches()
    {
        var inner = _log.ToArray();
        Batch(log => StoreLogOperations.WritePut(log, new StoreEntry("a log", inner, 6), 0));
        var log = _log.ToArray();

        var replay = StoreLog.Replay(log.AsSpan(0, log.Length - 1));

        Assert.Equal(_states[^2], (replay.Length, Print(replay.State)));
    }

    private void Batch(Action<ArrayBufferWriter<byte>> write)
    {
        var operations = new ArrayBufferWriter<byte>();
        write(operations);
        var head = new byte[StoreLog.HeadSize];
        StoreLog.WriteHead(head, Identity, _log.Length, operations.WrittenSpan);
        _log.Write(head);
        _log.Write(operations.WrittenSpan);
        var state = new StoreState();
        _batches.Add(operations.WrittenSpan.ToArray());
        foreach (var batch in _batches)
            StoreLogOperations.Apply(batch, state);
        _states.Add((_log.Length, Print(state)));
    }

    private static string Print(StoreState state) => string.Join(' ', (string[])[
        $"{state.Version} {state.LastLease}",
        .. state.Leases.Select(lease => $"{lease.Key}:{lease.Value}"),
        .. state.Entries.Values.Select(entry => $"{entry.Entry.Key}@{entry.Entry.Version}:{entry.Lease}={Convert.ToHexString(entry.Entry.Value.Span)}")]);
}
