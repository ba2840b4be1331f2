using System.Net.Sockets;
using System.Text;
using ElasticEp.Transports.Tcp.Connecting;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>Where a transport can be reached: <c>host:port</c>, and for processes of the same host <c>;unix=HOST/NAME</c>.</summary>
/// <param name="Tcp">Host and port.</param>
/// <param name="Host">Which host the name belongs to; null without a Unix domain socket.</param>
/// <param name="Name">Name of the Unix domain socket, <c>@</c> in front for an abstract one.</param>
internal sealed record TcpAddress(HostAddress Tcp, string? Host, string? Name)
{
    private const string UnixMark = ";unix=";

    /// <summary>The Unix domain socket, if it belongs to this host.</summary>
    public UnixDomainSocketEndPoint? Local => Host == HostId.Current ? EndPoint(Name!) : null;

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.InvalidArgument"/>: the text is no address.</exception>
    public static TcpAddress Parse(string text)
    {
        try
        {
            var mark = text.IndexOf(UnixMark, StringComparison.Ordinal);
            if (mark < 0)
                return new TcpAddress(HostAddress.Parse(text), null, null);
            var parts = text[(mark + UnixMark.Length)..].Split('/', 2);
            return parts.Length == 2 && parts[1].Length > 1 && Encoding.UTF8.GetByteCount(parts[1]) < 100
                ? new TcpAddress(HostAddress.Parse(text[..mark]), parts[0], parts[1])
                : throw new FormatException("The name of its Unix domain socket is missing or too long.");
        }
        catch (FormatException exception)
        {
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"'{text}' is not the address of a TCP transport: {exception.Message}", exception);
        }
    }

    public static UnixDomainSocketEndPoint EndPoint(string name) => new(name[0] == '@' ? '\0' + name[1..] : name);

    public override string ToString() => Host is null ? Tcp.ToString() : $"{Tcp}{UnixMark}{Host}/{Name}";
}
