namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>Chooses tokens. A pure function of (logits, temperature, seed, position): any rank continues a text alike.</summary>
public static class Sampler
{
    /// <summary>The next token: the best one at temperature 0 (ties: the lower id), else a draw.</summary>
    public static int Sample(ReadOnlySpan<float> logits, float temperature, ulong seed, int position)
    {
        var best = 0;
        for (var i = 1; i < logits.Length; i++)
        {
            if (logits[i] > logits[best])
                best = i;
        }

        if (temperature <= 0)
            return best;
        var total = 0.0;
        foreach (var logit in logits)
            total += Math.Exp((logit - logits[best]) / (double)temperature);
        var point = Uniform(seed, position) * total;
        for (var i = 0; i < logits.Length; i++)
        {
            point -= Math.Exp((logits[i] - logits[best]) / (double)temperature);
            if (point < 0)
                return i;
        }

        return best;
    }

    /// <summary>The logarithm of the probability of one token.</summary>
    public static double LogProbability(ReadOnlySpan<float> logits, int token)
    {
        var max = double.NegativeInfinity;
        foreach (var logit in logits)
            max = Math.Max(max, logit);
        var sum = 0.0;
        foreach (var logit in logits)
            sum += Math.Exp(logit - max);
        return logits[token] - max - Math.Log(sum);
    }

    /// <summary>A number in [0, 1) that depends on (seed, position) alone: SplitMix64, two rounds.</summary>
    private static double Uniform(ulong seed, int position) => (Mix(Mix(seed) ^ (ulong)(uint)position) >> 11) * (1.0 / (1UL << 53));

    private static ulong Mix(ulong value)
    {
        value += 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
