using ElasticEp.Samples.Server;

return await ServerProgram.RunAsync(args);
