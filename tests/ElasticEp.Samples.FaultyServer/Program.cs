using ElasticEp.Runtime;
using ElasticEp.Samples.FaultyServer;
using ElasticEp.Samples.Server;

// The server of the samples, whose workers die where a test wants it.
return await ServerProgram.RunAsync(args, services => services.AddSingleton<IFaultInjector, KillAtPoint>());
