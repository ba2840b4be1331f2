namespace ElasticEp.Placement;

/// <summary>Refuses requests that no policy could answer, and answers that no group could use.</summary>
internal static class RequestCheck
{
    /// <exception cref="ElasticEpException">The request is wrong in itself, or its ranks cannot hold every expert.</exception>
    public static void Check(PlacementRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Layers < 1 || request.Experts < 1)
            throw Invalid($"A placement needs at least one layer and one expert; the request has {request.Layers} layers of {request.Experts} experts.");
        CheckRanks(request.Ranks);
        CheckLoad(request);
        var current = request.Current;
        if (current.Layers != 0 && (current.Layers != request.Layers || current.Experts != request.Experts))
            throw Invalid($"The current placement has {current.Layers} layers of {current.Experts} experts; the request has {request.Layers} of {request.Experts}.");
        if (request.RedundantExperts < 0)
            throw Invalid($"RedundantExperts is {request.RedundantExperts}; it must not be negative.");
        if (request.ToleratedLosses < 0)
            throw Invalid($"ToleratedLosses is {request.ToleratedLosses}; it must not be negative.");
        if (request.ExpertBytes < 0)
            throw Invalid($"ExpertBytes is {request.ExpertBytes}; it must not be negative, and 0 means unknown.");
        if (request.MovementBudget < 0)
            throw Invalid($"MovementBudget is {request.MovementBudget} bytes; it must not be negative, and null means no limit.");
        CheckRoom(request);
    }

    /// <exception cref="ElasticEpException">The policy's answer does not fit the request.</exception>
    public static void CheckAnswer(IPlacementPolicy policy, PlacementRequest request, ExpertPlacement answer)
    {
        if (answer.Layers != request.Layers || answer.Experts != request.Experts)
            throw Wrong(policy, $"it has {answer.Layers} layers of {answer.Experts} experts instead of {request.Layers} of {request.Experts}");
        if (!answer.Ranks.SequenceEqual(request.Ranks.Select(rank => rank.Rank).ToArray()))
            throw Wrong(policy, $"it has the ranks [{string.Join(", ", answer.Ranks.ToArray())}] instead of [{string.Join(", ", request.Ranks.Select(rank => rank.Rank))}]");
        foreach (var rank in request.Ranks)
        {
            for (var layer = 0; layer < request.Layers; layer++)
            {
                if (answer.GetSlots(layer, rank.Rank).Length > rank.Slots)
                    throw Wrong(policy, $"it gives rank {rank.Rank} {answer.GetSlots(layer, rank.Rank).Length} slots in layer {layer}; the rank has {rank.Slots}");
            }
        }

        if (answer.FindMissing() is var (missingLayer, expert))
            throw Wrong(policy, $"expert {expert} of layer {missingLayer} has no copy");
    }

    public static ElasticEpException Invalid(string message) => new(ElasticEpErrorCode.InvalidArgument, message);

    public static ElasticEpException Impossible(string message) => new(ElasticEpErrorCode.ImpossibleGroup, message);

    private static void CheckRanks(IReadOnlyList<RankCapacity> ranks)
    {
        for (var index = 0; index < ranks.Count; index++)
        {
            var rank = ranks[index];
            if (rank.Rank < 0)
                throw Invalid($"Rank {rank.Rank} is negative.");
            if (rank.Slots < 0 || rank.SpareExperts < 0)
                throw Invalid($"Rank {rank.Rank} has {rank.Slots} slots and {rank.SpareExperts} spare experts; neither may be negative.");
            if (index > 0 && rank.Rank == ranks[index - 1].Rank)
                throw Invalid($"Rank {rank.Rank} is named twice.");
            if (index > 0 && rank.Rank < ranks[index - 1].Rank)
                throw Invalid($"Ranks must ascend; rank {rank.Rank} follows rank {ranks[index - 1].Rank}.");
        }
    }

    private static void CheckLoad(PlacementRequest request)
    {
        if (request.Load.IsEmpty)
            return;
        var load = request.Load.Span;
        if (load.Length != (long)request.Layers * request.Experts)
            throw Invalid($"The load has {load.Length} values; {request.Layers} layers of {request.Experts} experts need {(long)request.Layers * request.Experts}.");
        for (var index = 0; index < load.Length; index++)
        {
            if (!(load[index] >= 0) || float.IsInfinity(load[index]))
                throw Invalid($"The load of expert {index % request.Experts} of layer {index / request.Experts} is {load[index]}; loads must be finite and not negative.");
        }
    }

    private static void CheckRoom(PlacementRequest request)
    {
        var slots = request.Ranks.Sum(rank => (long)Math.Min(rank.Slots, request.Experts));
        if (slots >= request.Experts)
            return;
        var perRank = request.Ranks.Count == 0 ? 0 : request.Ranks.Max(rank => rank.Slots);
        var smallest = perRank == 0 ? "no size works without slots" : $"the smallest size that works is {(request.Experts + perRank - 1) / perRank} ranks of {perRank} slots";
        throw Impossible(
            $"{request.Ranks.Count} ranks with {slots} slots cannot hold the {request.Experts} experts of each of {request.Layers} layers (layer 0 is the first that does not fit); {smallest}, or raise SlotsPerRank.");
    }

    private static ElasticEpException Wrong(IPlacementPolicy policy, string what) =>
        new(ElasticEpErrorCode.InvalidState, $"The placement of policy {policy.Name} cannot be used: {what}. This is a defect of the policy.");
}
