using ElasticEp.Placement;

namespace ElasticEp.Tests.Placement;

/// <summary>The example that is published with EPLB (12 experts in 4 groups, 16 slots on 8 ranks of 2 nodes), and the same loads under its global policy.</summary>
public class EplbVectorTests
{
    private static readonly float[] Weight =
    [
        90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86,
        20, 107, 104, 64, 19, 197, 187, 157, 172, 86, 16, 27,
    ];

    private static readonly int[] Global =
    [
        10, 6, 10, 7, 0, 2, 11, 4, 5, 9, 5, 4, 8, 3, 1, 1,
        1, 10, 2, 4, 5, 11, 5, 0, 6, 7, 6, 3, 8, 8, 9, 7,
    ];

    [Fact]
    public void The_hierarchical_form_gives_the_published_slots()
    {
        var mapping = EplbAlgorithm.Plan(Weight, 2, 16, 4, 2, 8);

        Assert.Equal(
            [
                5, 6, 5, 7, 8, 4, 3, 4, 10, 9, 10, 2, 0, 1, 11, 1,
                7, 10, 6, 8, 6, 11, 8, 9, 2, 4, 5, 1, 5, 0, 3, 1,
            ],
            mapping.PhysicalToLogical);
    }

    [Fact]
    public void The_hierarchical_form_gives_the_published_replica_counts()
    {
        var mapping = EplbAlgorithm.Plan(Weight, 2, 16, 4, 2, 8);

        Assert.Equal([1, 2, 1, 1, 2, 2, 1, 1, 1, 1, 2, 1, 1, 2, 1, 1, 1, 2, 2, 1, 2, 1, 1, 1], mapping.Replicas);
    }

    [Fact]
    public void The_hierarchical_form_gives_the_published_slots_of_each_expert()
    {
        var mapping = EplbAlgorithm.Plan(Weight, 2, 16, 4, 2, 8);

        Assert.Equal(
            [
                12, -1, 15, 13, 11, -1, 6, -1, 7, 5, 0, 2, 1, -1, 3, -1, 4, -1, 9, -1, 8, 10, 14, -1,
                13, -1, 15, 11, 8, -1, 14, -1, 9, -1, 10, 12, 2, 4, 0, -1, 6, 3, 7, -1, 1, -1, 5, -1,
            ],
            mapping.LogicalToPhysical);
    }

    [Fact]
    public void The_hierarchical_form_gives_the_published_loads()
    {
        var mapping = EplbAlgorithm.Plan(Weight, 2, 16, 4, 2, 8);

        Assert.Equal([121.5f, 86.5f, 125, 113, 147.5f, 131.5f, 156, 152], Loads(mapping, 0));
        Assert.Equal([173, 179.5f, 120.5f, 172, 123, 152, 118.5f, 117.5f], Loads(mapping, 1));
    }

    [Fact]
    public void The_global_form_gives_the_known_slots_counts_and_loads()
    {
        var mapping = EplbAlgorithm.Plan(Weight, 2, 16, 1, 1, 8);

        Assert.Equal(Global, mapping.PhysicalToLogical);
        Assert.Equal([1, 1, 1, 1, 1, 2, 2, 2, 2, 1, 1, 1], mapping.Replicas[12..]);
        Assert.Equal([130.5f, 95.5f, 130, 138, 138.5f, 134.5f, 134, 132], Loads(mapping, 0));
        Assert.Equal([123, 123, 125.5f, 118.5f, 172, 157.5f, 172, 164.5f], Loads(mapping, 1));
    }

    [Fact]
    public void Groups_that_the_nodes_do_not_divide_fall_back_to_the_global_form() =>
        Assert.Equal(Global, EplbAlgorithm.Plan(Weight, 2, 16, 3, 2, 8).PhysicalToLogical);

    [Fact]
    public void Equal_loads_go_to_the_lower_index()
    {
        var mapping = EplbAlgorithm.Plan([7, 7, 7, 7], 1, 6, 1, 1, 2);

        Assert.Equal([2, 2, 1, 1], mapping.Replicas);
        Assert.Equal([2, 0, 0, 3, 1, 1], mapping.PhysicalToLogical);
    }

    [Fact]
    public void The_policy_puts_the_published_slots_on_the_ranks_of_the_group_in_ascending_order()
    {
        var request = Requests.With(ExpertPlacement.Empty, 2, 12, 3, 1, 4, Weight, 1, 2, 3, 5, 8, 13, 21, 34);

        var placement = new DeepSeekEplb(4, 2).Plan(request);

        Assert.Equal([5, 6, -1], placement.GetSlots(0, 1).ToArray());
        Assert.Equal([11, 1, -1], placement.GetSlots(0, 34).ToArray());
        Assert.Equal([7, 10, -1], placement.GetSlots(1, 1).ToArray());
    }

    public static TheoryData<int, int, int, int, string> WrongShapes => new()
    {
        { 16, 5, 1, 8, "EPLB needs groups of the same size; 12 experts do not divide into 5 groups." },
        { 16, 4, 3, 8, "EPLB needs as many ranks on every node; 8 ranks do not divide over 3 nodes." },
        { 17, 4, 2, 8, "EPLB needs as many slots on every rank; 17 slots do not divide over 8 ranks." },
        { 8, 4, 2, 8, "EPLB needs a slot for every expert; 8 slots are too few for 12 experts." },
        { 16, 0, 2, 8, "EPLB needs at least one group, node and rank; there are 0 groups, 2 nodes and 8 ranks." },
    };

    [Theory]
    [MemberData(nameof(WrongShapes))]
    public void What_the_algorithm_asserts_is_refused_with_the_numbers(int slots, int groups, int nodes, int ranks, string message) =>
        Assert.Equal(message, Assert.Throws<ElasticEpException>(() => EplbAlgorithm.Plan(Weight, 2, slots, groups, nodes, ranks)).Message);

    [Fact]
    public void The_policy_refuses_what_does_not_divide_and_names_what_would()
    {
        var error = Assert.Throws<ElasticEpException>(() => new DeepSeekEplb().Plan(Requests.With(ExpertPlacement.Empty, 1, 8, 8, 1, 0, default, 0, 1, 2)));

        Assert.Equal(
            "DeepSeekEplb needs as many copies on every rank; 8 experts and 0 redundant ones do not divide over 3 ranks. 1 redundant experts would.", error.Message);
    }

    [Fact]
    public void Loads_that_add_up_to_infinity_still_leave_every_expert_a_slot()
    {
        var load = new float[8];
        Array.Fill(load, float.MaxValue);

        var placement = new DeepSeekEplb().Plan(Requests.With(ExpertPlacement.Empty, 1, 8, 6, 1, 4, load, 0, 1));

        Assert.Equal([4, 6, 0, 1, 2, 3], placement.GetSlots(0, 0).ToArray());
        Assert.Equal([5, 7, 0, 1, 2, 3], placement.GetSlots(0, 1).ToArray());
    }

    private static float[] Loads(EplbMapping mapping, int layer)
    {
        var loads = new float[8];
        for (var slot = 0; slot < 16; slot++)
        {
            var expert = (layer * 12) + mapping.PhysicalToLogical[(layer * 16) + slot];
            loads[slot / 2] += Weight[expert] / mapping.Replicas[expert];
        }

        return loads;
    }
}
