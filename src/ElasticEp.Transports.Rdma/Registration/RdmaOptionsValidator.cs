using ElasticEp.Transports.Rdma.Connections;
using ElasticEp.Transports.Rdma.Links;
using Microsoft.Extensions.Options;

namespace ElasticEp.Transports.Rdma.Registration;

/// <summary>Checks the RDMA options of a group and reports every failure at once, by option name.</summary>
/// <param name="group">The group.</param>
/// <param name="findDevices">The devices of this machine.</param>
internal sealed class RdmaOptionsValidator(string group, Func<IReadOnlyCollection<string>> findDevices) : IValidateOptions<RdmaOptions>
{
    private const int MaxWorkers = 64;

    public ValidateOptionsResult Validate(string? name, RdmaOptions options)
    {
        if (name != group)
            return ValidateOptionsResult.Skip;
        var failures = new List<string>(options.Unreadable);
        if (!UcxLibrary.IsSupported)
            failures.Add(UcxLibrary.NotSupportedReason);
        if (options.Transports is { } transports && UcxSettings.NamesOf(transports).Length == 0)
            failures.Add("Transports is empty; name transports of UCX, for example rc,sm,self, or leave it unset.");
        CheckDevices(options.Devices, failures);
        CheckSettings(options.Settings, failures);
        Between(nameof(options.Workers), options.Workers, 1, MaxWorkers, failures);
        Between(nameof(options.EagerLimit), options.EagerLimit, 0, LinkLimits.MaxEagerLimit, failures);
        Between(nameof(options.FramesInFlight), options.FramesInFlight, 1, LinkLimits.MaxWindow, failures);
        if (options.WeightBytesPerSecond is <= 0)
            failures.Add($"WeightBytesPerSecond is {options.WeightBytesPerSecond}; it must be positive, or null for no limit.");
        Between(nameof(options.PollTime), options.PollTime, TimeSpan.Zero, failures);
        Between(nameof(options.KeepAliveInterval), options.KeepAliveInterval, UcxSettings.Shortest, failures);
        Between(nameof(options.ConnectTimeout), options.ConnectTimeout, TimeSpan.FromMilliseconds(1), failures);
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures.Select(failure => $"Group '{name}': {failure}"));
    }

    private static void CheckSettings(IDictionary<string, string> settings, List<string> failures)
    {
        foreach (var (name, value) in settings)
        {
            if (name.StartsWith("UCX_", StringComparison.Ordinal))
                failures.Add($"Settings names {name}; leave the prefix UCX_ out.");
            else if (UcxSettings.OptionFor(name) is { } option)
                failures.Add($"Settings names {name}; set the option {option}.");
            if (string.IsNullOrEmpty(value))
                failures.Add($"Settings gives {name} no value; leave it out.");
        }
    }

    /// <summary>UCX would write a warning and take what is left, or nothing.</summary>
    private void CheckDevices(string? devices, List<string> failures)
    {
        if (devices is null)
            return;
        var named = UcxSettings.NamesOf(devices);
        if (named.Length == 0)
            failures.Add("Devices is empty; name devices, for example mlx5_0:1, or leave it unset.");
        var present = findDevices();
        foreach (var device in named.Where(device => device != "all" && !present.Contains(device)))
            failures.Add($"Devices names {device}, which this machine does not have; it has {string.Join(", ", present.Order(StringComparer.Ordinal))}.");
    }

    private static void Between(string name, int value, int lowest, int highest, List<string> failures)
    {
        if (value < lowest || value > highest)
            failures.Add($"{name} is {value}; it must be from {lowest} to {highest}.");
    }

    private static void Between(string name, TimeSpan value, TimeSpan shortest, List<string> failures)
    {
        if (value < shortest || value > ElasticEpOptions.LongestTime)
            failures.Add($"{name} is {value}; it must be from {shortest} to {ElasticEpOptions.LongestTime.TotalDays} days.");
    }
}
