#pragma warning disable RS0030 // a worker that cannot start says why on standard error
using System.Globalization;
using ElasticEp.Hosting.Processes;
using ElasticEp.Runtime;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace ElasticEp.Hosting;

/// <summary>The entry of a worker process: one rank of a group and nothing else.</summary>
public static class ElasticEpWorker
{
    /// <summary>Exit code of a worker that left the group, or whose group has ended.</summary>
    public const int Left = 0;

    /// <summary>Exit code of a worker that failed, or stopped while the group still counts on it.</summary>
    public const int Failed = 1;

    /// <summary>Exit code of a worker with wrong options, or that could not join.</summary>
    public const int NotStarted = 2;

    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromMinutes(2);

    /// <summary>
    /// Call it first in Main, so that the rest of it does not run in workers. In a process that was started as a worker, by a
    /// launcher or because somebody has set <c>ElasticEp__Rank</c> in its environment, it runs the rank until it has left; in any
    /// other it returns null at once.
    /// </summary>
    /// <param name="args">Arguments of Main; part of the worker's configuration.</param>
    /// <param name="configure">
    /// Adds the group with AddElasticExpertParallel, its transport and workload, and the serving loop. An app with several groups adds the one that
    /// <c>ElasticEp:Group</c> of the configuration names.
    /// </param>
    /// <param name="cancellationToken">Stops the worker: it leaves the group first.</param>
    /// <returns>The exit code for Main, or null when this process is no worker.</returns>
    public static async Task<int?> RunAsync(string[] args, Action<IHostApplicationBuilder> configure, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(args);
        ArgumentNullException.ThrowIfNull(configure);
        if (Environment.GetEnvironmentVariable(WorkerVariables.Rank) is not { } rank)
            return null;
        using var parent = Environment.GetEnvironmentVariable(WorkerVariables.ParentPipe) == "1" ? new ParentWatch() : null;
        if (!int.TryParse(rank, NumberStyles.None, CultureInfo.InvariantCulture, out _))
        {
            await Console.Error.WriteLineAsync($"{WorkerVariables.Rank} is '{rank}'; it must be the number of a rank.").ConfigureAwait(false);
            return NotStarted;
        }

        try
        {
            var settings = new HostApplicationBuilderSettings { Args = args, Configuration = new ConfigurationManager() };
            settings.Configuration.AddInMemoryCollection([new("hostBuilder:reloadConfigOnChange", "false")]); // a worker watches no files
            var builder = Host.CreateApplicationBuilder(settings);
            builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = ShutdownTimeout);
            if (parent is not null)
                builder.Services.AddSingleton<IHostLifetime, LaunchedLifetime>();
            configure(builder);
            var host = builder.Build();
            try
            {
                return await RunAsync(host, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                await ((IAsyncDisposable)host).DisposeAsync().ConfigureAwait(false);
            }
        }
        catch (Exception exception)
        {
            // What users cause has a message that says it all; of anything else the whole is wanted.
            var isExpected = exception is OptionsValidationException or ElasticEpException or ArgumentException or IOException or UnauthorizedAccessException;
            await Console.Error.WriteLineAsync($"The worker of rank {rank} did not start: {(isExpected ? exception.Message : exception)}").ConfigureAwait(false);
            return NotStarted;
        }
    }

    /// <inheritdoc cref="RunAsync(string[], Action{IHostApplicationBuilder}, CancellationToken)"/>
    public static Task<int?> RunAsync(string[] args, Action<HostApplicationBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return RunAsync(args, (IHostApplicationBuilder builder) => configure((HostApplicationBuilder)builder));
    }

    private static async Task<int> RunAsync(IHost host, CancellationToken cancellationToken)
    {
        var groups = host.Services.GetServices<GroupRegistration>().Where(group => !group.IsClient).ToArray();
        if (groups.Length == 0)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidState, "The worker's configure added no group; call AddElasticExpertParallel in it.");
        var lifetime = host.Services.GetRequiredService<IHostApplicationLifetime>();
        try
        {
            await host.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested || lifetime.ApplicationStopping.IsCancellationRequested)
        {
            return Left; // asked to stop before it had joined: nobody counts on it
        }

        var ranks = groups.Select(group => host.Services.GetRequiredKeyedService<RankRuntime>(group.Name)).ToArray();
        var ended = Task.WhenAll(ranks.Select(rank => rank.Ended));
        var stopping = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var onStop = lifetime.ApplicationStopping.UnsafeRegister(static state => ((TaskCompletionSource)state!).TrySetResult(), stopping);
        await using var onCancel = cancellationToken.UnsafeRegister(static state => ((TaskCompletionSource)state!).TrySetResult(), stopping);
        await Task.WhenAny(ended, stopping.Task).ConfigureAwait(false);
        var hasCrashed = CrashedService.Find(host.Services) is not null;
        await host.StopAsync(new CancellationToken(canceled: hasCrashed)).ConfigureAwait(false);
        return hasCrashed || ended.IsFaulted || !ranks.All(rank => rank.HasLeft) ? Failed : Left;
    }
}
