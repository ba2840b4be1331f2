using ElasticEp.Benchmarks;
using ElasticEp.Benchmarks.Placement;
using ElasticEp.Benchmarks.Store;
using ElasticEp.Benchmarks.Transport;

return args switch
{
    ["exchange", .. var rest] => ExchangeBenchmark.Run(rest),
    ["placement", .. var rest] => PlacementBenchmark.Run(rest),
    ["store", .. var rest] => await StoreBenchmark.RunAsync(rest),
    ["store-peer"] => await StorePeer.RunAsync(),
    ["transport", .. var rest] => await TransportBenchmark.RunAsync(rest),
    ["transport-peer"] => await TransportPeer.RunAsync(),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("ElasticEp.Benchmarks exchange [ranks=4] [tokens=128] [hidden=2048] [topk=8] [experts=64] [steps=60]");
    Console.Error.WriteLine("ElasticEp.Benchmarks placement [seed=1]");
    Console.Error.WriteLine("ElasticEp.Benchmarks store [rounds=9]");
    Console.Error.WriteLine("ElasticEp.Benchmarks transport [rounds=11]");
    return 2;
}
