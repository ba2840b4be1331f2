namespace ElasticEp.Transports.Tcp.Connecting;

/// <summary>How the two ends of a connection prove that they belong together.</summary>
/// <param name="Secret">The join secret, or <see cref="JoinSecret.None"/>.</param>
/// <param name="Tls">Wraps TCP connections; null for none.</param>
internal sealed record TcpSecurity(JoinSecret Secret, TlsSettings? Tls)
{
    /// <summary>Unix domain sockets carry no TLS: without a secret nobody would be asked who they are.</summary>
    public bool AllowsUnixSockets => Tls is null || Secret != JoinSecret.None;

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.InvalidArgument"/>: a file cannot be read.</exception>
    public static TcpSecurity From(TcpOptions options) => new(
        SecretOf(options) is { Length: > 0 } secret ? new JoinSecret(secret) : JoinSecret.None,
        options.TlsCertificateFile is null ? null : new TlsSettings(options.TlsCertificateFile, options.TlsKeyFile!, options.TlsAuthorityFile!));

    private static string? SecretOf(TcpOptions options)
    {
        if (options.JoinSecretFile is not { } file)
            return options.JoinSecret;
        try
        {
            var secret = File.ReadLines(file).FirstOrDefault()?.Trim() ?? "";
            return secret.Length >= JoinSecret.MinLength
                ? secret
                : throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"The first line of {file} has {secret.Length} characters; a join secret needs at least {JoinSecret.MinLength}.");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"The join secret cannot be read: {exception.Message}", exception);
        }
    }
}
