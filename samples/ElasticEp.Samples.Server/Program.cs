using System.Runtime.InteropServices;
using ElasticEp;
using ElasticEp.Hosting;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Server;
using ElasticEp.Samples.Server.Http;
using Microsoft.Extensions.Options;

if (await ElasticEpWorker.RunAsync(args, WorkerApp.Configure) is { } exitCode)
    return exitCode;

if (args is ["--help" or "-h" or "-?"])
{
    Console.Write(ServerOptions.Help());
    return 0;
}

// The embedded store answers on the thread that hears of a request; nothing in the gateway computes on such a thread.
Environment.SetEnvironmentVariable(ServerApp.InlineCompletions, "1");
try
{
    await using var app = ServerApp.Build(args);
    var (interrupts, isAsked) = (0, false);
    using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => Volatile.Write(ref isAsked, true));
    using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, _ =>
    {
        Volatile.Write(ref isAsked, true);
        if (Interlocked.Increment(ref interrupts) > 1)
            Environment.Exit(130); // the workers end with this process
    });
    try
    {
        await ServerApp.StartAsync(app);
    }
    catch (OperationCanceledException) when (app.Lifetime.ApplicationStopping.IsCancellationRequested)
    {
        return 0; // stopped before it served
    }

    var url = app.Urls.First();
    var key = app.Services.GetRequiredService<ApiKeys>().AreRequired ? $" -H \"authorization: Bearer ${ApiKeys.Variable}\"" : "";
    Console.WriteLine(
        $$"""

        Serving at {{url}}. Try:
          curl {{url}}/v1/completions{{key}} -H 'content-type: application/json' -d '{"prompt": "import os\n\ndef ", "max_tokens": 40, "temperature": 0}'
          curl -X POST {{url}}/scale_elastic_ep{{key}} -H 'content-type: application/json' -d '{"new_data_parallel_size": 4}'
          curl {{url}}/elastic/view{{key}}
        Stop with Ctrl-C: requests may end first. Ctrl-C again stops at once.

        """);
    await app.WaitForShutdownAsync();
    return Volatile.Read(ref isAsked) ? 0 : 1; // nobody asked: the group could not be formed, and the log has said why
}
catch (Exception exception) when (exception is ElasticEpException or ArgumentException or ModelLoadException or OptionsValidationException or IOException)
{
    Console.Error.WriteLine(exception.Message);
    return 2;
}
