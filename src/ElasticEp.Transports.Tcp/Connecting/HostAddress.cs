using System.Globalization;
using System.Net;

namespace ElasticEp.Transports.Tcp.Connecting;

/// <summary>A host, by name or number, and a port: <c>name:6400</c>, <c>10.0.0.7:0</c>, <c>[::1]:6400</c>.</summary>
internal readonly record struct HostAddress(string Host, int Port)
{
    /// <exception cref="FormatException">The text is no address; the message says what one looks like.</exception>
    public static HostAddress Parse(string text, int? missingPort = null)
    {
        var end = text.LastIndexOf(':');
        var hasPort = end >= 0 && text.IndexOf(']', end) < 0 && (text.StartsWith('[') || text.IndexOf(':', StringComparison.Ordinal) == end);
        var host = (hasPort ? text[..end] : text).Trim('[', ']');
        var port = missingPort ?? -1;
        if (hasPort && !int.TryParse(text.AsSpan(end + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port))
            port = -1;
        return host.Length > 0 && port is >= 0 and <= 65535
            ? new HostAddress(host, port)
            : throw new FormatException($"'{text}' is not an address; give host:port, for example 10.0.0.7:6400 or [::1]:6400.");
    }

    /// <summary>Whether only this machine can be meant.</summary>
    public bool IsLoopback => Host == "localhost" || (IPAddress.TryParse(Host, out var address) && IPAddress.IsLoopback(address));

    /// <summary>The address to bind: a number, or the first address of a name.</summary>
    public async ValueTask<IPEndPoint> ResolveAsync(CancellationToken cancellationToken)
    {
        if (IPAddress.TryParse(Host, out var address))
            return new IPEndPoint(address, Port);
        var found = await Dns.GetHostAddressesAsync(Host, cancellationToken).ConfigureAwait(false);
        return new IPEndPoint(found[0], Port);
    }

    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}
