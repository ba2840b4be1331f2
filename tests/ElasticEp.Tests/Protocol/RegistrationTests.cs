using System.IO.Hashing;
using ElasticEp.Placement;
using ElasticEp.Protocol;
using ElasticEp.Tests.Membership;
using ElasticEp.Tests.Simulation;
using static ElasticEp.Tests.Protocol.CodecSamples;

namespace ElasticEp.Tests.Protocol;

/// <summary>Registrations as bytes.</summary>
public sealed class RegistrationTests
{
    private const int Rounds = 20_000;

    [Fact]
    public void A_registration_of_the_next_version_is_read_without_what_it_appends()
    {
        var registration = Registration.Encode(TestViews.Member(3), 4711, 9).ToArray();
        Assert.Equal((TestViews.Member(3), 4711, 9, null), Registration.Decode(OfNextVersion(registration)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(17)]
    public void A_registration_says_what_a_standby_holds(int experts)
    {
        int[] held = [.. Enumerable.Range(0, experts).Where(expert => expert % 3 != 1)];
        var state = new StandbyState(true, experts == 0 ? ExpertPlacement.Empty : new ExpertPlacement(experts, [3], [[held], [[]]]), 2 * experts, "naïve ✓");
        var encoded = Registration.Encode(TestViews.Member(3), 4711, 0, state).ToArray();
        var read = Registration.Decode(encoded).Standby!;
        Assert.Equal(state.ToString(), read.ToString());
        Assert.True(read.Experts.HasSameSlots(state.Experts));
        Assert.Equal(encoded, Registration.Encode(TestViews.Member(3), 4711, 0, Registration.Decode(OfNextVersion(encoded)).Standby).ToArray());
        for (var length = 0; length < encoded.Length; length++)
            AssertViolation(() => Registration.Decode(encoded.AsSpan(0, length)));
        AssertViolation(() => Registration.Decode([.. encoded, 0]));
    }

    [Fact]
    public void Damaged_registrations_are_refused_or_read_and_never_cost_much_memory()
    {
        var random = new SimRandom(3);
        var state = new StandbyState(true, new ExpertPlacement(64, [3], [[Enumerable.Range(0, 64).ToArray()]]), 64);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var round = 0; round < Rounds; round++)
        {
            var bytes = Damage(Registration.Encode(TestViews.Member(3), 4711, 9, state), random);
            AssertRefusedOrRead(() => Registration.Decode(bytes));
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000L * Rounds);
    }

    /// <summary>Whoever changes how something is written raises the version, and only appends.</summary>
    [Fact]
    public void The_bytes_of_this_version_never_change()
    {
        Assert.Equal(11, ProtocolVersion.Current); // a new version gets rows of its own here
        var standby = new StandbyState(true, new ExpertPlacement(9, [3], [[[0, 8]]]), 4, "why");
        Assert.Equal((11247095258198391437UL, 18248509504815616641UL), (XxHash64.HashToUInt64(Registration.Encode(TestViews.Member(3), 4711, 9).Span), XxHash64.HashToUInt64(Registration.Encode(TestViews.Member(3), 4711, 9, standby).Span)));
    }
}
