using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Extensions.Configuration;

namespace ElasticEp.Transports.Tcp.Registration;

/// <summary>Takes from the configuration what the code has left unset: how a worker learns where to join.</summary>
internal static class TcpConfiguration
{
    public const string Section = "ElasticEp";

    private static readonly TcpOptions Defaults = new();

    public static void Complete(TcpOptions options, IConfiguration? configuration, TcpStoreHost? storeHost)
    {
        if (configuration?.GetSection(Section) is { } section)
        {
            if (options.BindAddress == Defaults.BindAddress)
                options.BindAddress = section[nameof(options.BindAddress)] ?? options.BindAddress;
            options.AdvertisedAddress ??= section[nameof(options.AdvertisedAddress)];
            options.StoreAddress ??= section[nameof(options.StoreAddress)];
            options.StoreFile ??= section[nameof(options.StoreFile)];
            if (options.JoinSecret is null && options.JoinSecretFile is null)
            {
                options.JoinSecretFile = section[nameof(options.JoinSecretFile)];
                options.JoinSecret = options.JoinSecretFile is null ? section[nameof(options.JoinSecret)] : null;
            }

            options.WeightBytesPerSecond ??= Read<long>(section, nameof(options.WeightBytesPerSecond), "a number of bytes", (text, format, out value) => long.TryParse(text, NumberStyles.None, format, out value));
            if (options.UseUnixSockets == Defaults.UseUnixSockets)
                options.UseUnixSockets = Read<bool>(section, nameof(options.UseUnixSockets), "true or false", (text, _, out value) => bool.TryParse(text, out value)) ?? options.UseUnixSockets;
            if (options.StoreTimeout == Defaults.StoreTimeout)
                options.StoreTimeout = Read<TimeSpan>(section, nameof(options.StoreTimeout), "a time such as 00:00:05", TimeSpan.TryParse) ?? options.StoreTimeout;
            if (options.HandshakeTimeout == Defaults.HandshakeTimeout)
                options.HandshakeTimeout = Read<TimeSpan>(section, nameof(options.HandshakeTimeout), "a time such as 00:00:05", TimeSpan.TryParse) ?? options.HandshakeTimeout;
            options.TlsCertificateFile ??= section[nameof(options.TlsCertificateFile)];
            options.TlsKeyFile ??= section[nameof(options.TlsKeyFile)];
            options.TlsAuthorityFile ??= section[nameof(options.TlsAuthorityFile)];
        }

        // Only processes that this one starts learn a secret that is drawn: it is of no use to anybody else.
        if (storeHost is { IsLocal: true } && options is { JoinSecret: null, JoinSecretFile: null, TlsCertificateFile: null })
            options.JoinSecret = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24));
    }

    private delegate bool Parse<T>(string text, IFormatProvider format, out T value);

    private static T? Read<T>(IConfigurationSection section, string option, string what, Parse<T> parse)
        where T : struct => section[option] is not { } text
        ? null
        : parse(text, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"{Section}:{option} is '{text}'; it must be {what}.");
}
