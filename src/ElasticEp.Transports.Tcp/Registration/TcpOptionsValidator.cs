using ElasticEp.Transports.Tcp.Connecting;
using Microsoft.Extensions.Options;

namespace ElasticEp.Transports.Tcp.Registration;

/// <summary>Checks the TCP options of a group and reports every failure at once, by option name.</summary>
internal sealed class TcpOptionsValidator(string group, bool isStoreHost) : IValidateOptions<TcpOptions>
{
    public ValidateOptionsResult Validate(string? name, TcpOptions options)
    {
        if (name != group)
            return ValidateOptionsResult.Skip;
        var failures = new List<string>(options.Unreadable);
        var bind = Address(nameof(options.BindAddress), options.BindAddress, null, failures);
        if (options.AdvertisedAddress is not null)
            Address(nameof(options.AdvertisedAddress), options.AdvertisedAddress, 0, failures);
        if (options.StoreAddress is not null)
            Address(nameof(options.StoreAddress), options.StoreAddress, null, failures);
        else if (!isStoreHost)
            failures.Add("StoreAddress is not set; give host:port of the store, for example as environment variable ElasticEp__StoreAddress, or serve it here with HostTcpStore().");
        CheckSecurity(options, bind, failures);
        if (options.WeightBytesPerSecond is <= 0)
            failures.Add($"WeightBytesPerSecond is {options.WeightBytesPerSecond}; it must be positive, or null for no limit.");
        Positive(nameof(options.StoreTimeout), options.StoreTimeout, failures);
        Positive(nameof(options.HandshakeTimeout), options.HandshakeTimeout, failures);
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures.Select(failure => $"Group '{name}': {failure}"));
    }

    private static void CheckSecurity(TcpOptions options, HostAddress? bind, List<string> failures)
    {
        var hasSecret = options.JoinSecret is not null || options.JoinSecretFile is not null;
        if (options.JoinSecret is not null && options.JoinSecretFile is not null)
            failures.Add("JoinSecret and JoinSecretFile are both set; give one of them.");
        if (options.JoinSecret is { } secret && secret.Length < JoinSecret.MinLength)
            failures.Add($"JoinSecret has {secret.Length} characters; it needs at least {JoinSecret.MinLength}.");
        if (options.JoinSecretFile is { } file && !File.Exists(file))
            failures.Add($"JoinSecretFile {file} does not exist.");
        var tls = new[] { options.TlsCertificateFile, options.TlsKeyFile, options.TlsAuthorityFile };
        var given = tls.Count(path => path is not null);
        if (given is 1 or 2)
            failures.Add("TlsCertificateFile, TlsKeyFile and TlsAuthorityFile belong together; give all three or none.");
        foreach (var path in tls.Where(path => path is not null && !File.Exists(path)))
            failures.Add($"The TLS file {path} does not exist.");
        if (bind is { IsLoopback: false } && !hasSecret && given == 0)
            failures.Add($"BindAddress is {options.BindAddress}, which other machines can reach, but there is neither a join secret nor TLS; set JoinSecretFile or the three TLS files.");
    }

    private static HostAddress? Address(string option, string text, int? missingPort, List<string> failures)
    {
        try
        {
            return HostAddress.Parse(text, missingPort);
        }
        catch (FormatException exception)
        {
            failures.Add($"{option}: {exception.Message}");
            return null;
        }
    }

    private static void Positive(string name, TimeSpan value, List<string> failures)
    {
        if (value <= TimeSpan.Zero || value > ElasticEpOptions.LongestTime)
            failures.Add($"{name} is {value}; it must be positive and at most {ElasticEpOptions.LongestTime.TotalDays} days.");
    }
}
