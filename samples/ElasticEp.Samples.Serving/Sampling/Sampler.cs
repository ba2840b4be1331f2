using System.Buffers;
using System.Numerics;

namespace ElasticEp.Samples.Serving;

/// <summary>Chooses tokens. A pure function of (logits, settings, position): any rank continues a text alike.</summary>
public static class Sampler
{
    /// <summary>
    /// What a chunk samples: the logits are looked at, copied, adjusted, and drawn from. Log probabilities are those of the logits as they are.
    /// </summary>
    /// <param name="logits">Logits <c>[vocabulary]</c> of the chunk's last token.</param>
    /// <param name="sequence">The chunk's sequence.</param>
    /// <param name="chunk">A chunk that samples.</param>
    /// <returns>Its token is −1 when the adjustments leave none that may come.</returns>
    public static SampledToken Sample(ReadOnlySpan<float> logits, SequenceStart sequence, in StepChunk chunk)
    {
        ArgumentNullException.ThrowIfNull(sequence);
        if (!AreFinite(logits))
            return new SampledToken(-1, IsFinite: false);
        var token = sequence.Adjustments.IsNone ? Sample(logits, sequence.Sampling, chunk.SamplesAt) : SampleAdjusted(logits, sequence, chunk);
        return new SampledToken(token, token < 0 || sequence.LogProbabilities < 0 ? null : Score(logits, token, sequence.LogProbabilities));
    }

    /// <summary>The next token: the best one at temperature 0 (ties: the lower id), else a draw from what the settings leave; −1 when all logits are −∞.</summary>
    public static int Sample(ReadOnlySpan<float> logits, in SamplingSettings settings, int position)
    {
        var best = Best(logits);
        if (float.IsNegativeInfinity(logits[best]))
            return -1;
        if (settings.Temperature <= 0)
            return best;
        var rented = ArrayPool<double>.Shared.Rent(logits.Length);
        var weights = rented.AsSpan(0, logits.Length);
        for (var i = 0; i < weights.Length; i++)
            weights[i] = Math.Exp((logits[i] - logits[best]) / (double)settings.Temperature);
        Cut(weights, settings);
        var token = Draw(weights, Uniform(settings.Seed, position));
        ArrayPool<double>.Shared.Return(rented);
        return token < 0 ? best : token;
    }

    /// <summary>Whether all logits are numbers, neither infinite nor NaN.</summary>
    public static bool AreFinite(ReadOnlySpan<float> logits)
    {
        var (zeros, i) = (Vector<float>.Zero, 0);
        for (; i + Vector<float>.Count <= logits.Length; i += Vector<float>.Count)
            zeros += new Vector<float>(logits[i..]) * 0f; // NaN where a logit is not finite
        var zero = Vector.Sum(zeros);
        foreach (var logit in logits[i..])
            zero += logit * 0f;
        return zero == 0;
    }

    /// <summary>The logarithm of the probability of one token.</summary>
    public static double LogProbability(ReadOnlySpan<float> logits, int token) => logits[token] - LogSum(logits);

    /// <summary>The log probability of one token, then those of the most probable ones, best first (ties: the lower id).</summary>
    /// <param name="logits">Logits <c>[vocabulary]</c>.</param>
    /// <param name="token">The token.</param>
    /// <param name="count">How many of the most probable ones.</param>
    public static TokenProbability[] Score(ReadOnlySpan<float> logits, int token, int count)
    {
        var sum = LogSum(logits);
        var scores = new TokenProbability[1 + Math.Min(count, logits.Length)];
        scores[0] = new TokenProbability(token, (float)(logits[token] - sum), RankOf(logits, token));
        FindBest(logits, sum, scores.AsSpan(1));
        return scores;
    }

    /// <summary>The most probable tokens, best first (ties: the lower id).</summary>
    public static TokenProbability[] Best(ReadOnlySpan<float> logits, int count)
    {
        var best = new TokenProbability[Math.Min(count, logits.Length)];
        FindBest(logits, LogSum(logits), best);
        return best;
    }

    private static int SampleAdjusted(ReadOnlySpan<float> logits, SequenceStart sequence, in StepChunk chunk)
    {
        var rented = ArrayPool<float>.Shared.Rent(logits.Length);
        var adjusted = rented.AsSpan(0, logits.Length);
        logits.CopyTo(adjusted);
        sequence.Adjustments.Apply(adjusted, chunk.SamplesAt, sequence.Prompt, chunk.Generated.Span);
        var token = Sample(adjusted, sequence.Sampling, chunk.SamplesAt);
        ArrayPool<float>.Shared.Return(rented);
        return token;
    }

    private static void FindBest(ReadOnlySpan<float> logits, double sum, Span<TokenProbability> best)
    {
        var held = 0;
        for (var token = 0; token < logits.Length && best.Length > 0; token++)
        {
            if (held == best.Length && logits[token] <= logits[best[held - 1].Token])
                continue;
            var at = held < best.Length ? held++ : held - 1;
            for (; at > 0 && logits[best[at - 1].Token] < logits[token]; at--)
                best[at] = best[at - 1];
            best[at] = new TokenProbability(token, (float)(logits[token] - sum));
        }

        for (var i = 0; i < best.Length; i++)
            best[i] = best[i] with { Rank = i + 1 };
    }

    private static int RankOf(ReadOnlySpan<float> logits, int token)
    {
        var rank = 1;
        for (var other = 0; other < logits.Length; other++)
            rank += logits[other] > logits[token] || (logits[other] == logits[token] && other < token) ? 1 : 0;
        return rank;
    }

    private static int Best(ReadOnlySpan<float> logits)
    {
        var (best, i) = (float.NegativeInfinity, 0);
        var lanes = new Vector<float>(best);
        for (; i + Vector<float>.Count <= logits.Length; i += Vector<float>.Count)
            lanes = Vector.Max(lanes, new Vector<float>(logits[i..]));
        for (var lane = 0; lane < Vector<float>.Count; lane++)
            best = MathF.Max(best, lanes[lane]);
        foreach (var logit in logits[i..])
            best = MathF.Max(best, logit);
        return Math.Max(0, logits.IndexOf(best));
    }

    private static double LogSum(ReadOnlySpan<float> logits)
    {
        var max = logits[Best(logits)];
        var sum = 0.0;
        foreach (var logit in logits)
            sum += Math.Exp(logit - max);
        return max + Math.Log(sum);
    }

    /// <summary>Sets the weights of tokens that may not be drawn to zero; the best one stays always.</summary>
    private static void Cut(Span<double> weights, in SamplingSettings settings)
    {
        if (settings.MinP > 0)
        {
            foreach (ref var weight in weights)
            {
                if (weight < settings.MinP) // the best one's weight is 1
                    weight = 0;
            }
        }

        var kept = settings.TopK > 0 ? Math.Min(settings.TopK, weights.Length) : weights.Length;
        if (kept == weights.Length && settings.TopP >= 1)
            return;
        var order = ArrayPool<int>.Shared.Rent(weights.Length);
        var keys = ArrayPool<(double, int)>.Shared.Rent(weights.Length);
        for (var i = 0; i < weights.Length; i++)
            (order[i], keys[i]) = (i, (-weights[i], i)); // ties: the lower id first
        keys.AsSpan(0, weights.Length).Sort(order.AsSpan(0, weights.Length));
        CutTail(weights, order.AsSpan(0, weights.Length), kept, settings.TopP);
        ArrayPool<int>.Shared.Return(order);
        ArrayPool<(double, int)>.Shared.Return(keys);
    }

    /// <summary>Keeps the first of the order, at most so many, until they have the probability.</summary>
    private static void CutTail(Span<double> weights, ReadOnlySpan<int> order, int kept, float probability)
    {
        var total = 0.0;
        foreach (var token in order[..kept])
            total += weights[token];
        var sum = 0.0;
        for (var i = 0; i < order.Length; i++)
        {
            if (i > 0 && (i >= kept || sum >= probability * total))
                weights[order[i]] = 0;
            sum += weights[order[i]];
        }
    }

    private static int Draw(ReadOnlySpan<double> weights, double uniform)
    {
        var total = 0.0;
        foreach (var weight in weights)
            total += weight;
        var point = uniform * total;
        for (var i = 0; i < weights.Length; i++)
        {
            point -= weights[i];
            if (point < 0)
                return i;
        }

        return -1;
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
