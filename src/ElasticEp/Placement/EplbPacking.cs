namespace ElasticEp.Placement;

/// <summary>The two greedy steps of the published algorithm, in its float32 arithmetic; ties go to the lower index.</summary>
internal static class EplbPacking
{
    /// <summary>
    /// Packs items into packs of the same number of items: from the heaviest item to the lightest, each into the lightest pack
    /// that has a place.
    /// </summary>
    /// <param name="weights">Weight of each item, not negative.</param>
    /// <param name="packs">Number of packs; divides the number of items.</param>
    /// <param name="pack">Gets the pack of each item.</param>
    /// <param name="place">Gets the place of each item in its pack, in order of arrival.</param>
    /// <param name="scratch">At least as many values as there are items.</param>
    /// <param name="packWeights">At least as many values as there are packs.</param>
    /// <param name="packItems">At least as many values as there are packs.</param>
    public static void Pack(
        ReadOnlySpan<float> weights, int packs, Span<int> pack, Span<int> place, Span<ulong> scratch, Span<float> packWeights, Span<int> packItems)
    {
        var capacity = weights.Length / packs;
        if (capacity == 1)
        {
            for (var item = 0; item < weights.Length; item++)
                (pack[item], place[item]) = (item, 0);
            return;
        }

        var order = scratch[..weights.Length];
        SortDescending(weights, order);
        packWeights = packWeights[..packs];
        packWeights.Clear();
        packItems[..packs].Clear();
        foreach (var entry in order)
        {
            var item = (int)(uint)entry;
            var lightest = FirstOf.Lowest<float>(packWeights);
            while (packItems[lightest] == capacity)
                lightest++; // Huge loads add up to infinity: packs with a place then weigh no less than full ones.
            pack[item] = lightest;
            place[item] = packItems[lightest]++;
            // A full pack weighs infinitely much; its sum is not asked for again.
            packWeights[lightest] = packItems[lightest] == capacity ? float.PositiveInfinity : packWeights[lightest] + weights[item];
        }
    }

    /// <summary>One replica each, then one after another to the expert with the highest load per replica.</summary>
    /// <param name="weights">Load of each expert, not negative.</param>
    /// <param name="logical">Gets the expert of each replica.</param>
    /// <param name="replica">Gets which replica of its expert it is.</param>
    /// <param name="counts">Gets the number of replicas of each expert.</param>
    /// <param name="perReplica">At least as many values as there are experts; gets the load per replica.</param>
    public static void Replicate(ReadOnlySpan<float> weights, Span<int> logical, Span<int> replica, Span<int> counts, Span<float> perReplica)
    {
        perReplica = perReplica[..weights.Length];
        weights.CopyTo(perReplica);
        for (var expert = 0; expert < weights.Length; expert++)
            (logical[expert], replica[expert], counts[expert]) = (expert, 0, 1);
        for (var next = weights.Length; next < logical.Length; next++)
        {
            var hottest = FirstOf.Highest<float>(perReplica);
            logical[next] = hottest;
            replica[next] = counts[hottest]++;
            perReplica[hottest] = weights[hottest] / counts[hottest];
        }
    }

    /// <summary>Indices of the weights from the heaviest to the lightest, in the low halves.</summary>
    public static void SortDescending(ReadOnlySpan<float> weights, Span<ulong> order)
    {
        // The bits of floats that are not negative sort like the floats; adding zero makes a negative zero positive.
        for (var item = 0; item < weights.Length; item++)
            order[item] = ((ulong)~BitConverter.SingleToUInt32Bits(weights[item] + 0f) << 32) | (uint)item;
        order.Sort();
    }
}
