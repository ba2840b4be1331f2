using ElasticEp.Benchmarks.Steps;
using Microsoft.Extensions.DependencyInjection;

namespace ElasticEp.Benchmarks.Transport;

/// <summary>Steps of ranks whose data goes over UCX's shared memory.</summary>
internal static class SharedMemorySteps
{
    public static void Use(IElasticEpBuilder rank, string[] args) => rank.UseRdmaTransport(options =>
    {
        options.Transports = "sm";
        options.PollTime = TimeSpan.FromMicroseconds(Numbers.Option(args, "poll", (int)options.PollTime.TotalMicroseconds));
        options.EagerLimit = Numbers.Option(args, "eager", options.EagerLimit);
    });
}
