using ElasticEp.Exchange;
using ElasticEp.Protocol;

namespace ElasticEp.Runtime;

/// <summary>Reports what this rank's tokens chose since the last report. A report that is lost is not repeated: the next one is as good.</summary>
internal sealed class LoadReporter(ElasticEpOptions options, RankExchange exchange)
{
    private readonly long[] _reported = new long[options.Model.MoeLayers * options.Model.Experts];

    /// <summary>The report up to a step, which is complete.</summary>
    public ExpertLoadMessage Next(long step)
    {
        var pairs = exchange.ReadDispatched();
        for (var i = 0; i < pairs.Length; i++)
            (pairs[i], _reported[i]) = (pairs[i] - _reported[i], pairs[i]);
        return new ExpertLoadMessage(step, pairs);
    }

    /// <summary>Refuses what does not have a count for each expert of each layer.</summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/>: close the connection.</exception>
    public void Check(MemberId from, ExpertLoadMessage load)
    {
        if (load.Pairs.Length != _reported.Length)
            throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, $"The load that {from} reports is that of {load.Pairs.Length} experts; {options.Model.MoeLayers} layers have {_reported.Length}.") { Rank = from.Rank };
    }
}
