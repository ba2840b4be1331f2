using CsCheck;
using ElasticEp.Placement;

namespace ElasticEp.Tests.Placement;

/// <summary>What holds of every answer of the published balancer. CsCheck prints the seed of a failure.</summary>
public class EplbPropertyTests
{
    private const int Cases = 2000;
    private const int Layers = 2;

    private static readonly Gen<Shape> Shapes = Gen.Select(
        Gen.Int[1, 4],
        Gen.Int[1, 3],
        Gen.Int[1, 5],
        Gen.Int[1, 3],
        Gen.Int[0, 4],
        Gen.Frequency((1, Gen.Const(0f)), (6, Gen.Float[0, 100]), (1, Gen.Float[1e5f, 1e6f])).Array[Layers * 60],
        (groupsPerNode, nodes, expertsPerGroup, ranksPerNode, more, load) => new Shape(groupsPerNode * nodes, nodes, groupsPerNode * nodes * expertsPerGroup, ranksPerNode * nodes, more, load));

    [Fact]
    public void Every_expert_has_its_copies_and_every_rank_as_many() => Shapes.Sample(
        shape =>
        {
            var mapping = shape.Plan();
            for (var layer = 0; layer < Layers; layer++)
            {
                var slots = mapping.PhysicalToLogical.AsSpan(layer * shape.Slots, shape.Slots).ToArray();
                for (var expert = 0; expert < shape.Experts; expert++)
                {
                    Assert.True(slots.Contains(expert), $"expert {expert} has no slot");
                    Assert.Equal(slots.Count(held => held == expert), mapping.Replicas[(layer * shape.Experts) + expert]);
                }
            }
        },
        iter: Cases);

    [Fact]
    public void Each_group_stays_on_one_node() => Shapes.Sample(
        shape =>
        {
            var slots = shape.Plan().PhysicalToLogical;
            for (var layer = 0; layer < Layers; layer++)
            {
                var nodes = Enumerable.Range(0, shape.Slots)
                    .Select(slot => (Group: slots[(layer * shape.Slots) + slot] / (shape.Experts / shape.Groups), Node: slot / (shape.Slots / shape.Nodes)))
                    .Distinct();
                Assert.Equal(shape.Groups, nodes.Count());
            }
        },
        iter: Cases);

    /// <summary>A copy went to the expert whose copies had the most load each: none that has several could have done with fewer.</summary>
    [Fact]
    public void No_copy_would_have_been_worth_more_to_another_expert_of_its_node() => Shapes.Sample(
        shape =>
        {
            var mapping = shape.Plan();
            for (var layer = 0; layer < Layers; layer++)
            {
                foreach (var node in Enumerable.Range(0, shape.Slots).GroupBy(slot => slot / (shape.Slots / shape.Nodes), slot => mapping.PhysicalToLogical[(layer * shape.Slots) + slot]))
                {
                    var experts = node.Distinct().Select(expert => (Load: shape.Load[(layer * shape.Experts) + expert], Copies: mapping.Replicas[(layer * shape.Experts) + expert])).ToArray();
                    var hottest = experts.Max(expert => expert.Load / expert.Copies);
                    Assert.All(experts.Where(expert => expert.Copies > 1), expert => Assert.True(expert.Load / (expert.Copies - 1) >= hottest));
                }
            }
        },
        iter: Cases);

    [Fact]
    public void The_same_load_gives_the_same_answer() => Shapes.Sample(
        shape => Assert.Equal(shape.Plan().PhysicalToLogical, shape.Plan().PhysicalToLogical), iter: Cases);

    /// <param name="Groups">Groups of experts.</param>
    /// <param name="Nodes">Nodes.</param>
    /// <param name="Experts">Experts of each layer.</param>
    /// <param name="Ranks">Ranks.</param>
    /// <param name="More">Slots of each rank beyond what all experts need.</param>
    /// <param name="Load">Load, more than enough of it.</param>
    private sealed record Shape(int Groups, int Nodes, int Experts, int Ranks, int More, float[] Load)
    {
        public int Slots => Ranks * (((Experts + Ranks - 1) / Ranks) + More);

        public EplbMapping Plan() => EplbAlgorithm.Plan(Load.AsSpan(0, Layers * Experts), Layers, Slots, Groups, Nodes, Ranks);
    }
}
