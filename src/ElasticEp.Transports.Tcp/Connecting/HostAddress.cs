using System.Globalization;
using System.Net;

namespace ElasticEp.Transports.Tcp.Connecting;

/// <summary>A host, by name or number, and a port: <c>name:6400</c>, <c>10.0.0.7:0</c>, <c>[::1]:6400</c>.</summary>
internal readonly record struct HostAddress(string Host, int Port)
{
    private const int MaxHost = 255; // of a name in the DNS

    /// <exception cref="FormatException">The text is no address; the message says what one looks like.</exception>
    public static HostAddress Parse(string text, int? missingPort = null)
    {
        var bracket = text.StartsWith('[') ? text.IndexOf(']', StringComparison.Ordinal) : -1;
        var colon = text.IndexOf(':', bracket + 1);
        var hasPort = colon >= 0 && (bracket >= 0 ? colon == bracket + 1 : text.LastIndexOf(':') == colon); // more colons: a bare IPv6 address
        var end = hasPort ? colon : text.Length;
        var host = bracket < 0 ? text[..end] : bracket == end - 1 ? text[1..bracket] : "";
        var port = missingPort ?? -1;
        if (hasPort && !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port))
            port = -1;
        return host.Length is > 0 and <= MaxHost && host.AsSpan().IndexOfAny('[', ']') < 0 && port is >= 0 and <= 65535
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
