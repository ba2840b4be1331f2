namespace ElasticEp.Exchange.Cpu;

/// <summary>Lists that packing needs for a moment. Reused; they only grow.</summary>
internal sealed class PackScratch
{
    /// <summary>0, 1, 2, …</summary>
    public int[] Identity { get; private set; } = [];

    public int[] Numbers { get; private set; } = [];

    public float[] Factors { get; private set; } = [];

    public void Reserve(int count)
    {
        if (Numbers.Length >= count)
            return;
        var length = count + (count / 2);
        (Numbers, Factors, Identity) = (new int[length], new float[length], new int[length]);
        for (var i = 0; i < length; i++)
            Identity[i] = i;
    }
}
