using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace ElasticEp.Cuda.Windows;

/// <summary>
/// Where the sources of a rank's windows come for their descriptors: an abstract Unix domain socket with a random name, which the kernel forgets
/// with the process. A window can be taken more than once: a source whose preparation has failed begins anew.
/// </summary>
internal sealed class WindowListener : IDisposable
{
    private const int Backlog = 64;
    private const int MostAtOnce = 16; // others wait in the backlog

    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly ConcurrentDictionary<MemberId, (WindowHandover Handover, Func<SafeFileHandle> Export)> _windows = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _places = new(MostAtOnce);
    private readonly MemberId _self;
    private readonly TimeSpan _limit;
    private readonly Action<WindowHandover> _given;
    private readonly Action<Exception> _failed;

    /// <param name="self">The receiver.</param>
    /// <param name="limit">How long one handover may take.</param>
    /// <param name="given">Told of each window that was handed over.</param>
    /// <param name="failed">Told why one was not.</param>
    /// <exception cref="SocketException">There can be no such socket.</exception>
    public WindowListener(MemberId self, TimeSpan limit, Action<WindowHandover> given, Action<Exception> failed)
    {
        _self = self;
        _limit = limit;
        _given = given;
        _failed = failed;
        Name = $"elasticep-window-{RandomNumberGenerator.GetHexString(16, lowercase: true)}";
        try
        {
            _socket.Bind(EndPointOf(Name));
            _socket.Listen(Backlog);
        }
        catch
        {
            Dispose();
            throw;
        }

        _ = AcceptAsync(_stop.Token);
    }

    /// <summary>The name that sources need.</summary>
    public string Name { get; }

    public static UnixDomainSocketEndPoint EndPointOf(string name) => new('\0' + name);

    /// <summary>A source may take its window from now on.</summary>
    public void Expect(WindowHandover handover, Func<SafeFileHandle> export) => _windows[handover.Source] = (handover, export);

    /// <summary>A source gets nothing any more.</summary>
    public void Forget(MemberId source) => _windows.TryRemove(source, out _);

    public void Dispose()
    {
        _stop.Cancel();
        _socket.Dispose();
    }

    private async Task AcceptAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                await _places.WaitAsync(cancellationToken).ConfigureAwait(false);
                var socket = await _socket.AcceptAsync(cancellationToken).ConfigureAwait(false);
                _ = Task.Run(() => Serve(socket), CancellationToken.None);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            if (!_stop.IsCancellationRequested)
                _failed(exception);
        }
    }

    private void Serve(Socket socket)
    {
        try
        {
            using (socket)
                _given(WindowChannel.Serve(socket, new WindowHandover(_self, default, 0, 0, UInt128.Zero), Find, _limit));
        }
        catch (Exception exception)
        {
            _failed(exception);
        }
        finally
        {
            _places.Release();
        }
    }

    private (WindowHandover Handover, Func<SafeFileHandle> Export)? Find(MemberId source) => _windows.TryGetValue(source, out var window) ? window : null;
}
