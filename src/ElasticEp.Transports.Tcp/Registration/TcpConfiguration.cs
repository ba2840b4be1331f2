using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Extensions.Configuration;

namespace ElasticEp.Transports.Tcp.Registration;

/// <summary>Takes options from the configuration: how a worker learns where to join.</summary>
internal static class TcpConfiguration
{
    public const string Section = "ElasticEp";

    public static string GroupSection(string group) => $"{Section}:Groups:{group}";

    /// <summary>Before the code sets what it wants otherwise. The secret is not here: of either kind, one that the code gives goes before both.</summary>
    public static void Bind(TcpOptions options, string group, IConfiguration? configuration)
    {
        foreach (var section in Sections(group, configuration))
            Bind(options, section);
    }

    private static void Bind(TcpOptions options, IConfigurationSection section)
    {
        options.BindAddress = section[nameof(options.BindAddress)] ?? options.BindAddress;
        options.AdvertisedAddress = section[nameof(options.AdvertisedAddress)] ?? options.AdvertisedAddress;
        options.StoreAddress = section[nameof(options.StoreAddress)] ?? options.StoreAddress;
        options.StoreFile = section[nameof(options.StoreFile)] ?? options.StoreFile;
        options.WeightBytesPerSecond = Read(nameof(options.WeightBytesPerSecond), "a number of bytes", (string text, IFormatProvider format, out long value) => long.TryParse(text, NumberStyles.None, format, out value)) ?? options.WeightBytesPerSecond;
        options.UseUnixSockets = Read(nameof(options.UseUnixSockets), "true or false", (string text, IFormatProvider _, out bool value) => bool.TryParse(text, out value)) ?? options.UseUnixSockets;
        options.StoreTimeout = Read<TimeSpan>(nameof(options.StoreTimeout), "a time such as 00:00:05", TimeSpan.TryParse) ?? options.StoreTimeout;
        options.HandshakeTimeout = Read<TimeSpan>(nameof(options.HandshakeTimeout), "a time such as 00:00:05", TimeSpan.TryParse) ?? options.HandshakeTimeout;
        options.TlsCertificateFile = section[nameof(options.TlsCertificateFile)] ?? options.TlsCertificateFile;
        options.TlsKeyFile = section[nameof(options.TlsKeyFile)] ?? options.TlsKeyFile;
        options.TlsAuthorityFile = section[nameof(options.TlsAuthorityFile)] ?? options.TlsAuthorityFile;

        T? Read<T>(string option, string what, Parse<T> parse)
            where T : struct
        {
            if (section[option] is not { } text)
                return null;
            if (parse(text, CultureInfo.InvariantCulture, out var value))
                return value;
            options.Unreadable.Add($"{section.Path}:{option} is '{text}'; it must be {what}.");
            return null;
        }
    }

    /// <summary>After the code, which may have given a secret.</summary>
    public static void CompleteSecret(TcpOptions options, string group, IConfiguration? configuration, TcpStoreHost? storeHost)
    {
        foreach (var section in Sections(group, configuration).Reverse())
        {
            if (options is not { JoinSecret: null, JoinSecretFile: null })
                break;
            options.JoinSecretFile = section[nameof(options.JoinSecretFile)];
            options.JoinSecret = options.JoinSecretFile is null ? section[nameof(options.JoinSecret)] : null;
        }

        // Only processes that this one starts learn a secret that is drawn: it is of no use to anybody else.
        if (storeHost is { IsLocal: true } && options is { JoinSecret: null, JoinSecretFile: null, TlsCertificateFile: null })
            options.JoinSecret = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24));
    }

    /// <summary>What is said of every group of this process, then what is said of this one.</summary>
    private static IEnumerable<IConfigurationSection> Sections(string group, IConfiguration? configuration) =>
        configuration is null ? [] : [configuration.GetSection(Section), configuration.GetSection(GroupSection(group))];

    private delegate bool Parse<T>(string text, IFormatProvider format, out T value);
}
