using System.Runtime.CompilerServices;
using ElasticEp.Exchange;

namespace ElasticEp.Benchmarks;

/// <summary>One rank that runs its layers by continuations, so that the benchmark itself allocates nothing.</summary>
internal sealed class BenchmarkRank : IThreadPoolWorkItem
{
    private readonly RankExchange _exchange;
    private readonly int _layers;
    private readonly Action _onDone;
    private readonly Action _resume;
    private readonly ExpertFunction _expert = static (in _) => { };
    private readonly EpBuffer _hidden;
    private readonly EpBuffer _ids;
    private readonly EpBuffer _weights;
    private readonly EpBuffer _output;
    private ElasticStep? _step;
    private ValueTaskAwaiter _awaiter;
    private int _layer;

    public BenchmarkRank(RankExchange exchange, ElasticEpOptions options, int rank, Action onDone)
    {
        (_exchange, _layers, _onDone, _resume) = (exchange, options.Model.MoeLayers, onDone, Resume);
        var tokens = options.MaxTokensPerRank;
        var rowBytes = options.Model.HiddenSize * EpBuffer.SizeOf(options.Model.RowType);
        var terms = tokens * options.Model.TopK;

        // Distinct experts, spread evenly: a prime stride over the experts from a start that depends on rank and token.
        _ids = EpBuffer.From(Enumerable.Range(0, terms).Select(i => ((i / options.Model.TopK * 31) + (rank * 17) + (i % options.Model.TopK * 7)) % options.Model.Experts).ToArray());
        _weights = EpBuffer.From(Enumerable.Repeat(1f / options.Model.TopK, terms).ToArray());
        _hidden = EpBuffer.From(new byte[tokens * rowBytes].AsMemory(), options.Model.RowType);
        _output = EpBuffer.From(new byte[tokens * rowBytes].AsMemory(), options.Model.RowType);
    }

    public void Begin(long step) => (_step, _layer) = (_exchange.BeginStep(1, step, 1), 0);

    public void Execute()
    {
        while (_layer < _layers)
        {
            _awaiter = _step!.ForwardExpertsAsync(_layer++, _hidden, _ids, _weights, _output, _expert).GetAwaiter();
            if (!_awaiter.IsCompleted)
            {
                _awaiter.UnsafeOnCompleted(_resume);
                return;
            }

            _awaiter.GetResult();
        }

        _step!.EndExchanges();
        _exchange.EndStep();
        _onDone();
    }

    private void Resume()
    {
        _awaiter.GetResult();
        Execute();
    }
}
