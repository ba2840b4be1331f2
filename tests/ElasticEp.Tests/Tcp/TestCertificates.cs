using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ElasticEp.Transports.Tcp;

namespace ElasticEp.Tests.Tcp;

/// <summary>Certificates for one test: an authority with two members, and another authority with a stranger.</summary>
internal sealed class TestCertificates : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("elasticep-tls").FullName;

    public TestCertificates()
    {
        Write("authority", "member", "other-member");
        Write("other-authority", "stranger");
    }

    public string Path(string name) => System.IO.Path.Combine(_folder, name + ".pem");

    /// <summary>The options of who has this certificate, and trusts the members' authority.</summary>
    public void Use(TcpOptions options, string name) =>
        (options.TlsCertificateFile, options.TlsKeyFile, options.TlsAuthorityFile) = (Path(name), Path(name + "-key"), Path("authority"));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void Write(string authorityName, params string[] names)
    {
        var (from, to) = (DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={authorityName}", authorityKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var authority = request.CreateSelfSigned(from, to);
        File.WriteAllText(Path(authorityName), authority.ExportCertificatePem());
        foreach (var name in names)
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            using var certificate = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256).Create(authority, from, to, RandomNumberGenerator.GetBytes(8));
            File.WriteAllText(Path(name), certificate.ExportCertificatePem());
            File.WriteAllText(Path(name + "-key"), key.ExportPkcs8PrivateKeyPem());
        }
    }
}
