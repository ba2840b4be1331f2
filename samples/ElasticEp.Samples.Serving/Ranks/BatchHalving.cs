namespace ElasticEp.Samples.Serving.Ranks;

/// <summary>
/// Finds out which request makes batches fail. After a failure the requests of the batch are tried by halves, until one that fails alone is
/// found and all others are known to run; those are not held up by more than that. A failure that does not come again costs nobody anything.
/// </summary>
/// <typeparam name="T">A request.</typeparam>
internal sealed class BatchHalving<T>
    where T : class
{
    /// <summary>Requests that are found one after another, with no batch that runs between, before the batch is taken to fail whatever is in it.</summary>
    public const int MostCulprits = 16;

    private readonly Stack<T[]> _groups = []; // that are to be tried, each by itself
    private int _culprits;

    /// <summary>Whether a failure is being looked into: only <see cref="Next"/> is to run.</summary>
    public bool IsLooking => _groups.Count > 0;

    /// <summary>Who is to run now.</summary>
    public IReadOnlyList<T> Next => _groups.Peek();

    /// <summary>A batch has failed.</summary>
    /// <returns>Those whose fault it is; none while that is not known.</returns>
    public IReadOnlyList<T> OnFailed(IReadOnlyCollection<T> batch)
    {
        PutBackOthers(batch);
        T[] failed = [.. batch];
        if (failed.Length == 0)
            return []; // nothing of it was computed here
        if (failed.Length > 1)
        {
            _groups.Push(failed[(failed.Length / 2)..]);
            _groups.Push(failed[..(failed.Length / 2)]);
            return [];
        }

        if (++_culprits < MostCulprits)
            return failed;
        T[] all = [.. failed, .. _groups.SelectMany(group => group)];
        Clear();
        return all;
    }

    /// <summary>A batch has run.</summary>
    public void OnRun(IReadOnlyCollection<T> batch)
    {
        PutBackOthers(batch);
        if (batch.Count > 0 || !IsLooking)
            _culprits = 0;
    }

    /// <summary>A request has ended, or is taken away.</summary>
    public void Remove(T request)
    {
        if (!IsLooking)
            return;
        T[][] left = [.. _groups.Select(group => Array.FindAll(group, other => other != request)).Where(group => group.Length > 0)];
        _groups.Clear();
        foreach (var group in left.Reverse())
            _groups.Push(group);
    }

    public void Clear()
    {
        _groups.Clear();
        _culprits = 0;
    }

    /// <summary>A step may have had no room for all of a group.</summary>
    private void PutBackOthers(IReadOnlyCollection<T> batch)
    {
        if (!_groups.TryPop(out var group))
            return;
        T[] others = [.. group.Except(batch)];
        if (others.Length > 0)
            _groups.Push(others);
    }
}
