using System.Collections.Immutable;
using ElasticEp.Events;
using ElasticEp.Recorder;
using ElasticEp.Tests.Membership;
using ElasticEp.Tests.Simulation;

namespace ElasticEp.Tests.Recorder;

/// <summary>Dumps as bytes and as files.</summary>
public sealed class DumpTests : IDisposable
{
    private static readonly Dump Sample = new(
        "chat/1",
        TestViews.Id(3),
        "1.2.3",
        "was asked",
        new DateTimeOffset(2026, 3, 1, 2, 3, 4, 5, TimeSpan.Zero),
        new ElasticEpOptions { Rank = 3, Node = "rack", MovementBudget = 7, StepDeadline = TimeSpan.FromSeconds(3), Model = new MoeModelShape { Experts = 8, RowType = ElementType.Float32 }, CombineMode = CombineMode.PreReduced },
        [
            new RecordedEvent(4, TimeSpan.FromMicroseconds(5), RankEvent.WorkNotified) { Effects = 2, Fingerprint = 3 },
            new RecordedEvent(6, TimeSpan.FromMicroseconds(7), new LinkUp(TestViews.Id(1))),
        ]);

    private readonly string _directory = Path.Combine(Path.GetTempPath(), $"elasticep-dumps-{Guid.NewGuid():N}");

    public void Dispose()
    {
        if (Directory.Exists(_directory))
            Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public void A_dump_comes_back_as_it_was()
    {
        var read = DumpCodec.Decode(DumpCodec.Encode(Sample));
        Assert.Equal(Sample.Events.AsEnumerable(), read.Events);
        Assert.Equal(Sample with { Options = read.Options, Events = read.Events }, read);
        Assert.Equal((3, "rack", 7, TimeSpan.FromSeconds(3)), (read.Options.Rank, read.Options.Node, read.Options.MovementBudget, read.Options.StepDeadline));
        Assert.Equal((8, ElementType.Float32, CombineMode.PreReduced), (read.Options.Model.Experts, read.Options.Model.RowType, read.Options.CombineMode));
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    public void A_dump_is_whole_when_it_begins_with_the_first_event(long first, bool isWhole) =>
        Assert.Equal(isWhole, (Sample with { Events = [.. Enumerable.Range(0, 3).Select(i => new RecordedEvent(first + i, default, RankEvent.Tick))] }).IsWhole);

    [Fact]
    public void A_dump_that_is_cut_short_or_damaged_is_refused_saying_so()
    {
        var bytes = DumpCodec.Encode(Sample);
        for (var length = 0; length < bytes.Length; length++)
            Assert.Equal(ElasticEpErrorCode.InvalidArgument, Assert.Throws<ElasticEpException>(() => DumpCodec.Decode(bytes.AsSpan(0, length))).Code);
        Assert.Contains("it is cut off", Refuse([.. bytes, 0]).Message, StringComparison.Ordinal);
        for (var index = 0; index < bytes.Length; index++)
        {
            byte[] damaged = [.. bytes];
            damaged[index] ^= 0x10;
            Refuse(damaged);
        }

        bytes[20]++;
        Assert.Equal("The file cannot be read as a dump: it was changed after it was written: its hash is another one.", Refuse(bytes).Message);
    }

    [Fact]
    public void What_is_no_dump_is_refused_saying_so()
    {
        var random = new SimRandom(3);
        Assert.Equal("The file cannot be read as a dump: it does not begin as a dump does.", Refuse([]).Message);
        for (var round = 0; round < 1_000; round++)
            Refuse([.. Enumerable.Range(0, random.Below(80)).Select(_ => (byte)random.Next())]);
    }

    [Fact]
    public void A_dump_of_another_version_is_refused_naming_both()
    {
        var bytes = DumpCodec.Encode(Sample);
        bytes[6]++;
        var refused = Refuse(bytes);
        Assert.Equal(ElasticEpErrorCode.Incompatible, refused.Code);
        Assert.Contains("version 4, this release reads 3", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_is_named_after_group_rank_time_and_process_and_only_its_user_reads_it()
    {
        var file = DumpFiles.Write(Sample, _directory);
        Assert.Equal(Path.Combine(_directory, "chat_1-rank-3-20260301T020304.005Z-4.dump"), file);
        Assert.Equal(Sample.Events.AsEnumerable(), DumpCodec.Decode(File.ReadAllBytes(file)).Events);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
    }

    [Fact]
    public void The_latest_dumps_of_each_rank_stay()
    {
        var other = DumpFiles.Write(Sample with { Self = TestViews.Id(4), At = Sample.At.AddDays(-1) }, _directory);
        var files = Enumerable.Range(0, DumpFiles.MostOfARank + 3).Select(second => DumpFiles.Write(Sample with { At = Sample.At.AddSeconds(second) }, _directory)).ToImmutableArray();
        Assert.Equal([.. files.Skip(3), other], Directory.GetFiles(_directory).Order(StringComparer.Ordinal));
    }

    private static ElasticEpException Refuse(byte[] bytes) => Assert.Throws<ElasticEpException>(() => DumpCodec.Decode(bytes));
}
