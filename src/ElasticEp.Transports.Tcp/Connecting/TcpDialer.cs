using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;

namespace ElasticEp.Transports.Tcp.Connecting;

/// <summary>Opens connections that are proved: TCP, then TLS if it is on, then the join handshake.</summary>
/// <param name="security">How to prove oneself.</param>
/// <param name="timeout">Longest time for all of it.</param>
/// <param name="time">The clock.</param>
/// <param name="resolve">The addresses of a name; asks the system by default.</param>
internal sealed class TcpDialer(TcpSecurity security, TimeSpan timeout, TimeProvider time, Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null)
{
    private readonly Func<string, CancellationToken, Task<IPAddress[]>> _resolve = resolve ?? Dns.GetHostAddressesAsync;

    /// <exception cref="ElasticEpException">
    /// <see cref="ElasticEpErrorCode.PeerLost"/> when nobody answers, <see cref="ElasticEpErrorCode.ConnectionRefused"/> when nobody listens, <see cref="ElasticEpErrorCode.Incompatible"/> when who answers is refused or refuses.
    /// </exception>
    public ValueTask<ProvedConnection> DialAsync(HostAddress address, LinkPurpose purpose, CancellationToken cancellationToken) =>
        DialAsync(new DnsEndPoint(address.Host, address.Port), address.ToString(), address.Host, security.Tls, purpose, cancellationToken);

    /// <inheritdoc cref="DialAsync(HostAddress, LinkPurpose, CancellationToken)"/>
    public ValueTask<ProvedConnection> DialUnixAsync(UnixDomainSocketEndPoint address, LinkPurpose purpose, CancellationToken cancellationToken) =>
        DialAsync(address, "its Unix domain socket", "", null, purpose, cancellationToken);

    private async ValueTask<ProvedConnection> DialAsync(EndPoint endPoint, string name, string host, TlsSettings? tls, LinkPurpose purpose, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        var isUnix = endPoint is UnixDomainSocketEndPoint;
        var socket = isUnix ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) : new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await ConnectAsync(socket, endPoint, either.Token).ConfigureAwait(false);
            SocketSettings.Apply(socket); // not before: a socket with a raw option is connected to the first address of a name only
            Stream stream = new NetworkStream(socket, ownsSocket: true);
            if (tls is not null)
                stream = await tls.ConnectAsync(stream, host, either.Token).ConfigureAwait(false);
            await JoinHandshake.ConnectAsync(stream, purpose, security.Secret, either.Token).ConfigureAwait(false);
            return new ProvedConnection(socket, stream);
        }
        catch (Exception exception)
        {
            socket.Dispose();
            if (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested)
                throw Lost($"{name} did not answer within {timeout.TotalSeconds:0.#} s", exception);
            if (exception is AuthenticationException)
                throw new ElasticEpException(ElasticEpErrorCode.Incompatible, $"TLS with {name} failed: {exception.Message}", exception);
            if (exception is SocketException { SocketErrorCode: SocketError.ConnectionRefused })
                throw new ElasticEpException(ElasticEpErrorCode.ConnectionRefused, $"No connection: {name}: {exception.Message}.", exception);
            if (exception is SocketException or IOException)
                throw Lost($"{name}: {exception.Message}{(tls is null ? "" : " It may not accept the TLS certificate of this process")}", exception);
            throw;
        }
    }

    /// <summary>A name may have several addresses, of two families even: one after another, until one answers.</summary>
    private async ValueTask ConnectAsync(Socket socket, EndPoint endPoint, CancellationToken cancellationToken)
    {
        if (endPoint is not DnsEndPoint name)
            await socket.ConnectAsync(endPoint, cancellationToken).ConfigureAwait(false);
        else if (IPAddress.TryParse(name.Host, out var address))
            await socket.ConnectAsync(address, name.Port, cancellationToken).ConfigureAwait(false);
        else
            await socket.ConnectAsync(await _resolve(name.Host, cancellationToken).ConfigureAwait(false), name.Port, cancellationToken).ConfigureAwait(false);
    }

    private static ElasticEpException Lost(string what, Exception cause) => new(ElasticEpErrorCode.PeerLost, $"No connection: {what}.", cause);
}
