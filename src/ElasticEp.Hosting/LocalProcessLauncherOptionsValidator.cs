using Microsoft.Extensions.Options;

namespace ElasticEp.Hosting;

/// <summary>Checks how the workers of a group are to be started, and reports every failure at once, by option name.</summary>
/// <param name="group">The group.</param>
internal sealed class LocalProcessLauncherOptionsValidator(string group) : IValidateOptions<LocalProcessLauncherOptions>
{
    public string Group => group;

    public ValidateOptionsResult Validate(string? name, LocalProcessLauncherOptions options)
    {
        if (name != group)
            return ValidateOptionsResult.Skip;
        var failures = new List<string>(options.Unreadable);
        if (options.FileName is { } file && string.IsNullOrWhiteSpace(file))
            failures.Add("FileName is blank; it must be an executable, or null for the one that runs now.");
        foreach (var variable in options.Environment.Keys.Where(variable => string.IsNullOrWhiteSpace(variable) || variable.Contains('=', StringComparison.Ordinal)))
            failures.Add($"Environment names '{variable}', which cannot be a variable.");
        if (options.StopTimeout <= TimeSpan.Zero || options.StopTimeout > ElasticEpOptions.LongestTime)
            failures.Add($"StopTimeout is {options.StopTimeout}; it must be positive and at most {ElasticEpOptions.LongestTime.TotalDays} days.");
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures.Select(failure => $"Group '{name}': {failure}"));
    }
}
