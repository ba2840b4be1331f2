namespace ElasticEp.Tests.Simulation;

/// <summary>One call of the delegate.</summary>
internal sealed class SimAttempt(long epoch, long step, GroupView view, int notifyAt)
{
    private readonly int[] _taken = new int[SimSettings.Layers];
    private readonly ulong[] _sums = new ulong[SimSettings.Layers];

    public long Epoch { get; } = epoch;

    public long Step { get; } = step;

    public GroupView View { get; } = view;

    /// <summary>At which point the delegate says that there is more work.</summary>
    public int NotifyAt { get; } = notifyAt;

    public int Layer { get; set; } = -1;

    public bool IsExchanging { get; set; } = true;

    public bool IsStopped { get; set; }

    public bool HasFailedTail { get; set; }

    /// <summary>Zero when exactly the frame of every member was taken in every layer; anything else spoils every token.</summary>
    public ulong Error
    {
        get
        {
            var error = 0UL;
            for (var layer = 0; layer < SimSettings.Layers; layer++)
            {
                var expected = 0UL;
                foreach (var member in View.Members)
                    expected ^= new SimFrame(member.Rank, Epoch, Step, layer).Content;
                error |= expected ^ _sums[layer];
            }

            return error;
        }
    }

    public void Add(SimFrame frame)
    {
        _taken[frame.Layer] |= 1 << frame.Source;
        _sums[frame.Layer] ^= frame.Content;
    }

    public bool IsComplete(int layer)
    {
        foreach (var member in View.Members)
        {
            if ((_taken[layer] & (1 << member.Rank)) == 0)
                return false;
        }

        return true;
    }
}
