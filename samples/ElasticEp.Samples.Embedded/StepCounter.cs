/// <summary>Counts steps and checks that their output never changes: 0.25 · 2x + 0.75 · 7x.</summary>
internal sealed class StepCounter
{
    private long _steps;

    public long Steps => Volatile.Read(ref _steps);

    public void Check(ReadOnlySpan<float> output)
    {
        if (!output.SequenceEqual([5.75f, 11.5f, 17.25f, 23f]))
            throw new InvalidOperationException($"An output changed: {string.Join(' ', output.ToArray())}");
        Interlocked.Increment(ref _steps);
    }
}
