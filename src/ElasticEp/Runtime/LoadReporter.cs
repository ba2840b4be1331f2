using ElasticEp.Exchange;
using ElasticEp.Protocol;

namespace ElasticEp.Runtime;

/// <summary>Tells what this rank's tokens chose since it told so last. A report that is lost is not repeated: the next one is as good.</summary>
internal sealed class LoadReporter(ElasticEpOptions options, RankExchange exchange)
{
    private readonly long[] _told = new long[options.Model.MoeLayers * options.Model.Experts];

    /// <summary>The report up to a step, which is complete.</summary>
    public ExpertLoadMessage Next(long step)
    {
        var pairs = exchange.ReadDispatched();
        for (var i = 0; i < pairs.Length; i++)
            (pairs[i], _told[i]) = (pairs[i] - _told[i], pairs[i]);
        return new ExpertLoadMessage(step, pairs);
    }

    /// <summary>Refuses what does not have a count for each expert of each layer.</summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/>: close the connection.</exception>
    public void Check(int from, ExpertLoadMessage load)
    {
        if (load.Pairs.Length != _told.Length)
            throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, $"Rank {from} told the load of {load.Pairs.Length} experts; {options.Model.MoeLayers} layers have {_told.Length}.") { Rank = from };
    }
}
