using System.Runtime.InteropServices;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>Logits of some rows of a forward pass, one after another. They are computed in blocks, so that the head's weights are read once for many rows.</summary>
internal sealed class LogitReader(Qwen3MoeModel model, ForwardWorkspace workspace)
{
    private const int Block = 16;

    private readonly float[] _logits = new float[Block * model.Config.VocabularySize];
    private readonly List<int> _rows = [];
    private int _read;

    public void Clear()
    {
        _rows.Clear();
        _read = 0;
    }

    /// <summary>The logits of this row are wanted.</summary>
    public void Add(int row) => _rows.Add(row);

    /// <summary>The logits <c>[vocabulary]</c> of the next row, until the next call.</summary>
    public ReadOnlySpan<float> Next()
    {
        var at = _read % Block;
        if (at == 0)
            model.ComputeLogits(workspace, CollectionsMarshal.AsSpan(_rows)[_read..Math.Min(_read + Block, _rows.Count)], _logits);
        _read++;
        return _logits.AsSpan(at * model.Config.VocabularySize, model.Config.VocabularySize);
    }
}
