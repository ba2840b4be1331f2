using ElasticEp.TestKit;

namespace ElasticEp.Gpu.Tests.Kernels;

/// <summary>A random batch, a random table of replicas, and what must come out of routing it: token after token, with lists.</summary>
internal sealed class RouteCase
{
    public RouteCase(ulong seed, int tokens, int terms, int experts, int members, int rank)
    {
        var random = new Mixer(seed);
        (Tokens, Terms, Experts, Members, Rank) = (tokens, terms, experts, members, rank);
        Ids = new int[tokens * terms];
        Weights = new float[tokens * terms];
        for (var i = 0; i < Ids.Length; i++)
            (Ids[i], Weights[i]) = (random.Below(8) == 0 ? -1 : random.Below(experts), random.Below(1000) / 1000f);
        var replicas = new List<int>();
        var starts = new List<int> { 0 };
        for (var expert = 0; expert < experts; expert++)
        {
            for (var copy = random.Below(3); copy >= 0; copy--)
                replicas.Add((random.Below(members) << 16) | random.Below(60));
            starts.Add(replicas.Count);
        }

        (Starts, Replicas) = ([.. starts], [.. replicas]);
    }

    public int Tokens { get; }

    public int Terms { get; }

    public int Experts { get; }

    public int Members { get; }

    public int Rank { get; }

    public int[] Ids { get; }

    public float[] Weights { get; }

    public int[] Starts { get; }

    public int[] Replicas { get; }

    /// <summary>The descriptions for each member, the member and row of each entry, and the row of the combine region of each entry.</summary>
    public (List<int>[] Meta, int[] Areas, int[] Places, int[] Index) Expect(int preReducedRows)
    {
        var meta = Enumerable.Range(0, Members).Select(_ => new List<int>()).ToArray();
        var rows = new int[Members];
        var (areas, places, index) = (new int[Ids.Length], new int[Ids.Length], new int[Ids.Length]);
        Array.Fill(areas, -1);
        Array.Fill(places, -1);
        Array.Fill(index, -1);
        for (var token = 0; token < Tokens; token++)
        {
            var chosen = Enumerable.Range(token * Terms, Terms).Select(entry => Choose(token, Ids[entry])).ToArray();
            var seen = new List<int>();
            for (var j = 0; j < Terms; j++)
            {
                var entry = (token * Terms) + j;
                if (chosen[j] < 0)
                    continue;
                var member = chosen[j] >> 16;
                areas[entry] = member;
                if (preReducedRows == 0)
                    index[entry] = entry;
                if (seen.Contains(member))
                    continue;
                places[entry] = rows[member];
                if (preReducedRows != 0)
                    index[(token * Terms) + seen.Count] = (member * preReducedRows) + rows[member];
                seen.Add(member);
                rows[member]++;
                meta[member].Add(token);
                meta[member].AddRange(chosen.Select(choice => choice >= 0 && choice >> 16 == member ? choice & 0xFFFF : -1));
                if (preReducedRows != 0)
                    meta[member].AddRange(chosen.Select((choice, at) => choice >= 0 && choice >> 16 == member ? BitConverter.SingleToInt32Bits(Weights[(token * Terms) + at]) : 0));
            }
        }

        return (meta, areas, places, index);
    }

    private int Choose(int token, int id)
    {
        if (id < 0)
            return -1;
        var copies = Replicas[Starts[id]..Starts[id + 1]];
        return copies.Length == 0 ? -1 : copies[(token + Rank) % copies.Length];
    }
}
