using ElasticEp.Benchmarks;
using ElasticEp.Benchmarks.Comparing;
using ElasticEp.Benchmarks.Parts;
using ElasticEp.Benchmarks.Placement;
using ElasticEp.Benchmarks.Preparing;
using ElasticEp.Benchmarks.ServerRuns;
using ElasticEp.Benchmarks.Serving;
using ElasticEp.Benchmarks.Steps;
using ElasticEp.Benchmarks.Store;
using ElasticEp.Benchmarks.Transport;

return args switch
{
    ["compare-table", _, ..] => ComparisonTable.Run(args[1..], Console.Out),
    ["exchange", .. var rest] => ExchangeBenchmark.Run(rest),
    ["gateway", .. var rest] => await GatewayBenchmark.RunAsync(rest),
    ["kill", .. var rest] => await KillBenchmark.RunAsync(rest),
    ["parts", .. var rest] => PartsBenchmark.Run(rest),
    ["pause", .. var rest] => await PauseBenchmark.RunAsync(rest),
    ["prepare", .. var rest] => PrepareBenchmark.Run(rest),
    ["serve", .. var rest] => await ServeBenchmark.RunAsync(rest),
    ["serving-overhead", .. var rest] => await OverheadBenchmark.RunAsync(rest),
    ["step", .. var rest] => await StepBenchmark.RunAsync(rest, rank => SharedMemorySteps.Use(rank, rest)),
    ["placement", .. var rest] => PlacementBenchmark.Run(rest),
    ["placement-ablation"] => AblationBenchmark.Run(),
    ["placement-scale", .. var rest] => ScaleBenchmark.Run(rest),
    ["store", .. var rest] => await StoreBenchmark.RunAsync(rest),
    ["store-peer"] => await StorePeer.RunAsync(),
    ["transport", .. var rest] => await TransportBenchmark.RunAsync(rest),
    ["transport-peer"] => await TransportPeer.RunAsync(),
    ["ucx", .. var rest] => await UcxBenchmark.RunAsync(rest),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("ElasticEp.Benchmarks compare-table FOLDER [bound=1.05] [seed=1]");
    Console.Error.WriteLine("ElasticEp.Benchmarks exchange [ranks=4] [tokens=128] [hidden=2048] [topk=8] [experts=64] [steps=60]");
    Console.Error.WriteLine("ElasticEp.Benchmarks gateway [rounds=9]");
    Console.Error.WriteLine("ElasticEp.Benchmarks kill [kills=30] [ranks=4] [streams=32] [losses=1] [standbys=0] [redundant=32, or 0 without losses] [server=FILE]");
    Console.Error.WriteLine("ElasticEp.Benchmarks parts [rounds=21]");
    Console.Error.WriteLine("ElasticEp.Benchmarks pause [resizes=20] [small=2] [large=4] [streams=8] [warmup=6000] [quiet=3000] [reports=4000 ms] [server=FILE] [json=FILE]");
    Console.Error.WriteLine("ElasticEp.Benchmarks prepare [rounds=11]");
    Console.Error.WriteLine("ElasticEp.Benchmarks serve [prompts=512] [input=128] [output=512] [ranks=2] [large=4, 0 for no resize] [reports=2500 ms] [server=FILE] [json=FILE]");
    Console.Error.WriteLine("ElasticEp.Benchmarks serving-overhead [rounds=15]");
    Console.Error.WriteLine("ElasticEp.Benchmarks step [steps=5000] [warmup=3000] [rounds=1] [ranks=1,2,4] [links=InProcess,UnixSockets,Tcp,SharedMemory] [tokens=1,16] [poll=20 µs] [eager=8192] [json=FILE]");
    Console.Error.WriteLine("ElasticEp.Benchmarks placement [seed=1]");
    Console.Error.WriteLine("ElasticEp.Benchmarks placement-ablation");
    Console.Error.WriteLine("ElasticEp.Benchmarks placement-scale [seed=1]");
    Console.Error.WriteLine("ElasticEp.Benchmarks store [rounds=9]");
    Console.Error.WriteLine("ElasticEp.Benchmarks transport [rounds=11]");
    Console.Error.WriteLine("ElasticEp.Benchmarks ucx [rounds=11]");
    return 2;
}
