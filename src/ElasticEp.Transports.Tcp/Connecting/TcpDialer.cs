using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;

namespace ElasticEp.Transports.Tcp.Connecting;

/// <summary>Opens connections that are proved: TCP, then TLS if it is on, then the join handshake.</summary>
internal sealed class TcpDialer(TcpSecurity security, TimeSpan timeout, TimeProvider time)
{
    /// <exception cref="ElasticEpException">
    /// <see cref="ElasticEpErrorCode.PeerLost"/> when nobody answers, <see cref="ElasticEpErrorCode.Incompatible"/> when who answers is refused or refuses.
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
            SocketSettings.Apply(socket);
            await socket.ConnectAsync(endPoint, either.Token).ConfigureAwait(false);
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
            if (exception is SocketException or IOException)
                throw Lost($"{name}: {exception.Message}{(tls is null ? "" : " It may not accept the TLS certificate of this process")}", exception);
            throw;
        }
    }

    private static ElasticEpException Lost(string what, Exception cause) => new(ElasticEpErrorCode.PeerLost, $"No connection: {what}.", cause);
}
