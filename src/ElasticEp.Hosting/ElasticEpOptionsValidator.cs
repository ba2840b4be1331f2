using ElasticEp.Exchange;
using Microsoft.Extensions.Options;

namespace ElasticEp.Hosting;

/// <summary>Checks the options of a group and reports every failure at once, by option name.</summary>
internal sealed class ElasticEpOptionsValidator(IEnumerable<GroupRegistration> registrations) : IValidateOptions<ElasticEpOptions>
{
    private const int MaxNodeLength = 255;

    public ValidateOptionsResult Validate(string? name, ElasticEpOptions options)
    {
        if (registrations.FirstOrDefault(group => group.Name == name) is not { } registration)
            return ValidateOptionsResult.Skip;
        var failures = new List<string>(options.Unreadable);
        CheckRanks(options, registration, failures);
        CheckModel(options.Model, failures);
        CheckCapacity(options, failures);
        if (Enum.IsDefined(options.Model.RowType))
            failures.AddRange(ExchangeLayout.FindFaults(options));
        CheckTimes(options, failures);
        CheckRecorder(options, failures);
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures.Select(failure => $"Group '{name}': {failure}"));
    }

    private static void CheckRanks(ElasticEpOptions options, GroupRegistration registration, List<string> failures)
    {
        InRange(nameof(options.MaxRanks), options.MaxRanks, 1, 1024, failures);
        InRange(nameof(options.InitialRanks), options.InitialRanks, 1, Math.Max(1, options.MaxRanks), failures);
        InRange(nameof(options.Standbys), options.Standbys, 0, Math.Max(0, options.MaxRanks), failures);
        InRange(nameof(options.MinRanks), options.MinRanks, 1, Math.Max(1, options.InitialRanks), failures);
        if (!registration.IsClient && options.Rank is null)
            failures.Add("Rank is not set; a host that holds a rank needs one, set by its launcher or in the configuration.");
        if (registration.IsClient && options.Rank is not null)
            failures.Add($"Rank is {options.Rank}, but a client holds no rank; remove it or use AddElasticExpertParallel.");
        if (options.Node is { } node && (string.IsNullOrWhiteSpace(node) || node.Length > MaxNodeLength))
            failures.Add($"Node has {node.Length} characters; it must have 1 to {MaxNodeLength} that are not all blank, or be null for this machine.");
        if (options.Rank is { } rank)
            InRange(nameof(options.Rank), rank, 0, options.MaxRanks - 1, failures);
    }

    private static void CheckModel(MoeModelShape model, List<string> failures)
    {
        InRange("Model.MoeLayers", model.MoeLayers, 1, 4096, failures);
        InRange("Model.Experts", model.Experts, 1, 2048, failures);
        InRange("Model.TopK", model.TopK, 1, Math.Clamp(model.Experts, 1, 32), failures);
        if (model.RowType is not (ElementType.Float32 or ElementType.BFloat16))
            failures.Add($"Model.RowType is {model.RowType}; it must be Float32 or BFloat16.");
        else if (model.HiddenSize < 1 || (long)model.HiddenSize * EpBuffer.SizeOf(model.RowType) % 16 != 0)
            failures.Add($"Model.HiddenSize is {model.HiddenSize}; it must be positive and a row of {model.RowType} a multiple of 16 bytes.");
    }

    private static void CheckCapacity(ElasticEpOptions options, List<string> failures)
    {
        InRange(nameof(options.MaxTokensPerRank), options.MaxTokensPerRank, 1, 65_536, failures);
        InRange(nameof(options.SlotsPerRank), options.SlotsPerRank, 1, 65_536, failures);
        InRange(nameof(options.SpareExperts), options.SpareExperts, 0, 65_536, failures);
        InRange(nameof(options.RedundantExperts), options.RedundantExperts, 0, 65_536, failures);
        InRange(nameof(options.ToleratedLosses), options.ToleratedLosses, 0, Math.Max(0, options.MaxRanks - 1), failures);
        InRange(nameof(options.LoadWindow), options.LoadWindow, 1, 1_000_000, failures);
        if (options.MovementBudget < 0)
            failures.Add($"MovementBudget is {options.MovementBudget} bytes; it must not be negative, and null is the default budget.");
        InRange(nameof(options.Lanes), options.Lanes, 1, 4, failures);
        InRange(nameof(options.WeightChunkBytes), options.WeightChunkBytes, 4096, 1 << 28, failures);
        if (options.LostExperts is not (LostExpertsPolicy.Wait or LostExpertsPolicy.Fail))
            failures.Add($"LostExperts is {options.LostExperts}; it must be Wait or Fail.");
        if (options.CombineMode is not (CombineMode.Exact or CombineMode.PreReduced))
            failures.Add($"CombineMode is {options.CombineMode}; it must be Exact or PreReduced.");
        var slots = (long)options.InitialRanks * options.SlotsPerRank;
        if (slots < options.Model.Experts)
            failures.Add($"InitialRanks = {options.InitialRanks} with SlotsPerRank = {options.SlotsPerRank} hold {slots} experts of Model.Experts = {options.Model.Experts}; raise one of them.");
    }

    private static void CheckTimes(ElasticEpOptions options, List<string> failures)
    {
        Positive(nameof(options.StepDeadline), options.StepDeadline, failures);
        Positive(nameof(options.OperationDeadline), options.OperationDeadline, failures);
        Positive(nameof(options.ConnectDeadline), options.ConnectDeadline, failures);
        Positive(nameof(options.RecoveryDeadline), options.RecoveryDeadline, failures);
        Positive(nameof(options.StallTime), options.StallTime, failures);
        if (options.HeartbeatInterval < TimeSpan.FromMilliseconds(10) || options.HeartbeatInterval > TimeSpan.FromMinutes(1))
            failures.Add($"HeartbeatInterval is {options.HeartbeatInterval}; it must be 10 milliseconds to 1 minute.");
        if (options.PollTime < TimeSpan.Zero || options.PollTime > TimeSpan.FromMilliseconds(1))
            failures.Add($"PollTime is {options.PollTime}; it must be zero to 1 millisecond.");
        if (options.DrainTime < TimeSpan.Zero || options.DrainTime > ElasticEpOptions.LongestTime)
            failures.Add($"DrainTime is {options.DrainTime}; it must not be negative, and at most {ElasticEpOptions.LongestTime.TotalDays} days.");
    }

    private static void CheckRecorder(ElasticEpOptions options, List<string> failures)
    {
        InRange(nameof(options.FlightRecorderEvents), options.FlightRecorderEvents, 0, 1_000_000, failures);
        if (options.DumpDirectory is { } directory && string.IsNullOrWhiteSpace(directory))
            failures.Add("DumpDirectory is blank; it must be a path, or null for a directory among the system's temporary files.");
    }

    private static void InRange(string name, int value, int from, int to, List<string> failures)
    {
        if (value < from || value > to)
            failures.Add($"{name} is {value}; it must be {from} to {to}.");
    }

    private static void Positive(string name, TimeSpan value, List<string> failures)
    {
        if (value <= TimeSpan.Zero || value > ElasticEpOptions.LongestTime)
            failures.Add($"{name} is {value}; it must be positive and at most {ElasticEpOptions.LongestTime.TotalDays} days.");
    }
}
