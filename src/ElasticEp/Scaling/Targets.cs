using System.Collections.Immutable;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>Turns a request into the exact ranks of the next view, or says why it cannot be.</summary>
internal static class Targets
{
    /// <exception cref="ElasticEpException">The request is wrong or the group impossible.</exception>
    public static ImmutableArray<int> Resolve(OperationRequest request, GroupView view, ElasticEpOptions options)
    {
        if (request.Kind == OperationKind.Stop)
            return [];
        if (request.Leaver is { } leaver && !view.Contains(leaver))
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"{leaver} is not a member and cannot leave.");
        var given = (request.Size is null ? 0 : 1) + (request.Ranks is null ? 0 : 1) + (request.Remove is null ? 0 : 1);
        if (given != 1)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, "Give exactly one of Size, Ranks and Remove.");
        if (request.Remove is { } remove)
            CheckMembers(remove, view);
        return ResolveAgain(request, view, options);
    }

    /// <summary>The same for a request that was good when it came, after members were lost: a rank that was to leave may be gone already.</summary>
    /// <exception cref="ElasticEpException">The group has become impossible.</exception>
    public static ImmutableArray<int> ResolveAgain(OperationRequest request, GroupView view, ElasticEpOptions options)
    {
        if (request.Kind == OperationKind.Stop)
            return [];
        var present = view.Members.Select(member => member.Rank).ToArray();
        var target = request.Size is { } size ? OfSize(size, present, options) : request.Ranks is { } ranks ? Exactly(ranks, options) : [.. present.Except(request.Remove!.Value)];
        Check(target, present.Length, options);
        return target;
    }

    /// <summary>
    /// How many members are wanted when an operation is complete: as many as it aimed at, or fewer by those it removed, so that what was lost before
    /// is still made good.
    /// </summary>
    public static int WantedAfter(PendingOperation operation, int wantedBefore) =>
        operation.Request.Remove is { } removed ? Math.Max(operation.Target.Length, wantedBefore - removed.Distinct().Count()) : operation.Target.Length;

    private static ImmutableArray<int> OfSize(int size, int[] present, ElasticEpOptions options)
    {
        if (size < 1 || size > options.MaxRanks)
            throw new ElasticEpException(ElasticEpErrorCode.ImpossibleGroup, $"A size of {size} is outside 1 to MaxRanks = {options.MaxRanks}.");
        return size <= present.Length
            ? [.. present.Take(size)]
            : [.. present.Concat(Enumerable.Range(0, options.MaxRanks).Except(present).Take(size - present.Length)).Order()];
    }

    private static ImmutableArray<int> Exactly(ImmutableArray<int> ranks, ElasticEpOptions options)
    {
        foreach (var rank in ranks)
        {
            if (rank < 0 || rank >= options.MaxRanks)
                throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"Rank {rank} is outside 0 to MaxRanks − 1 = {options.MaxRanks - 1}.");
        }

        if (ranks.Distinct().Count() != ranks.Length)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"Ranks [{string.Join(' ', ranks)}] name a rank twice.");
        return [.. ranks.Order()];
    }

    private static void CheckMembers(ImmutableArray<int> remove, GroupView view)
    {
        foreach (var rank in remove)
        {
            if (!view.Contains(rank))
                throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"Rank {rank} is not a member; the members are [{string.Join(' ', view.Members.Select(member => member.Rank))}].");
        }
    }

    private static void Check(ImmutableArray<int> target, int present, ElasticEpOptions options)
    {
        if (target.Length < options.MinRanks)
            throw new ElasticEpException(ElasticEpErrorCode.ImpossibleGroup, $"A group of {target.Length} ranks is below MinRanks = {options.MinRanks}.");
        if ((long)target.Length * options.SlotsPerRank < options.Model.Experts)
        {
            var smallest = (options.Model.Experts + options.SlotsPerRank - 1) / options.SlotsPerRank;
            throw new ElasticEpException(
                ElasticEpErrorCode.ImpossibleGroup,
                $"{target.Length} ranks of {options.SlotsPerRank} slots cannot hold {options.Model.Experts} experts; the smallest size is {smallest} (now {present}), or raise SlotsPerRank.");
        }
    }
}
