using ElasticEp.Tests.Cluster;

namespace ElasticEp.Tests.Hosting;

/// <summary>Options of groups of the toy model.</summary>
internal static class ToyGroup
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    public static void Client(ElasticEpOptions options)
    {
        options.SlotsPerRank = ToyModel.Experts;
        options.Model = new MoeModelShape { MoeLayers = ToyModel.Layers, Experts = ToyModel.Experts, TopK = ToyModel.TopK, HiddenSize = ToyModel.Hidden, RowType = ElementType.Float32 };
    }

    public static void Rank(ElasticEpOptions options)
    {
        Client(options);
        options.Rank = 0;
    }

    /// <summary>The first view with so many members.</summary>
    public static async Task<GroupView> WaitAsync(IElasticGroupClient group, int members, CancellationToken cancellationToken)
    {
        await foreach (var view in group.Views.WithCancellation(cancellationToken))
        {
            if (view.Members.Length == members)
                return view;
        }

        throw new InvalidOperationException($"The group '{group.Name}' has ended before it had {members} members.");
    }
}
