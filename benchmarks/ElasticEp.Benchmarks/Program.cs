using ElasticEp.Benchmarks;

return args switch
{
    ["exchange", .. var rest] => ExchangeBenchmark.Run(rest),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("ElasticEp.Benchmarks exchange [ranks=4] [tokens=128] [hidden=2048] [topk=8] [experts=64] [steps=60]");
    return 2;
}
