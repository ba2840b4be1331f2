return await ElasticEp.Benchmarks.Steps.StepBenchmark.RunAsync(args);
