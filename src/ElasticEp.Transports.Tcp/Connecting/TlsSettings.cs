using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace ElasticEp.Transports.Tcp.Connecting;

/// <summary>
/// Mutual TLS with a private authority: each end shows a certificate that the authority signed. Names are not compared:
/// ranks move between addresses, and only members of the group hold such certificates.
/// </summary>
internal sealed class TlsSettings
{
    private readonly X509Certificate2 _own;
    private readonly X509Certificate2Collection _authority = [];

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.InvalidArgument"/>: a file cannot be read.</exception>
    public TlsSettings(string certificateFile, string keyFile, string authorityFile)
    {
        try
        {
            _own = X509Certificate2.CreateFromPemFile(certificateFile, keyFile);
            _authority.ImportFromPemFile(authorityFile);
            if (_authority.Count == 0)
                throw new IOException($"{authorityFile} holds no certificate.");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException)
        {
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"The TLS files {certificateFile}, {keyFile} and {authorityFile} cannot be used: {exception.Message}", exception);
        }
    }

    /// <exception cref="System.Security.Authentication.AuthenticationException">The other end has no certificate of the authority.</exception>
    public async ValueTask<Stream> ConnectAsync(Stream inner, string host, CancellationToken cancellationToken)
    {
        var stream = new SslStream(inner, leaveInnerStreamOpen: false);
        await stream.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions { TargetHost = host, ClientCertificates = [_own], RemoteCertificateValidationCallback = IsOurs },
            cancellationToken).ConfigureAwait(false);
        return stream;
    }

    /// <exception cref="System.Security.Authentication.AuthenticationException">The other end has no certificate of the authority.</exception>
    public async ValueTask<Stream> AcceptAsync(Stream inner, CancellationToken cancellationToken)
    {
        var stream = new SslStream(inner, leaveInnerStreamOpen: false);
        await stream.AuthenticateAsServerAsync(
            new SslServerAuthenticationOptions { ServerCertificate = _own, ClientCertificateRequired = true, RemoteCertificateValidationCallback = IsOurs },
            cancellationToken).ConfigureAwait(false);
        return stream;
    }

    private bool IsOurs(object sender, X509Certificate? certificate, X509Chain? _, SslPolicyErrors __)
    {
        if (certificate is not X509Certificate2 shown)
            return false;
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(_authority);
        chain.ChainPolicy.DisableCertificateDownloads = true; // a stranger's certificate names no address that we ask
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(shown);
    }
}
