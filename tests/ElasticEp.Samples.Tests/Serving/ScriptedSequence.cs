using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Tests.Serving;

/// <summary>A sequence of a <see cref="ScriptedModel"/>.</summary>
internal sealed class ScriptedSequence(int[] text, SequenceStart start)
{
    public int[] Text => text;

    public SequenceStart Start => start;

    public List<int> Pages { get; } = [];

    /// <summary>Position → the token that was sampled for it.</summary>
    public Dictionary<int, int> Sampled { get; } = [];

    public void Assign(int first, ReadOnlySpan<int> pages)
    {
        for (var i = 0; i < pages.Length; i++)
        {
            if (first + i < Pages.Count)
                Pages[first + i] = pages[i];
            else
                Pages.Add(pages[i]);
        }
    }
}
