using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace ElasticEp.Cuda.Windows;

/// <summary>
/// Handovers between a rank and others. For every view that is prepared both sides send a notice, with the token of the window that they made for
/// the other and with the one that they hold; who lacks a window fetches it. A side that began anew has another token, which shows the other
/// that what it holds is worth nothing.
/// </summary>
/// <param name="self">This rank.</param>
/// <param name="device">UUID of its GPU.</param>
/// <param name="layout">Of all windows.</param>
/// <param name="notify">Sends a notice to a member.</param>
/// <param name="limit">How long a member may take.</param>
/// <param name="time">The clock.</param>
/// <param name="failed">Told of handovers to others that failed, with the reason.</param>
internal sealed class WindowHandovers(MemberId self, string device, WindowLayout layout, Func<MemberId, byte[], CancellationToken, ValueTask> notify, TimeSpan limit, TimeProvider time, Action<Exception> failed) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<MemberId, Peer> _peers = [];
    private WindowListener? _listener;

    /// <summary>Members of whom something is known.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _peers.Count;
        }
    }

    /// <summary>A member has a new window here.</summary>
    public void Give(MemberId source, Func<SafeFileHandle> export)
    {
        var token = NewToken();
        lock (_lock)
        {
            var peer = Of(source);
            peer.Token = token;
            peer.IsGiven = false;
            _listener ??= new WindowListener(self, limit, OnGiven, failed);
            _listener.Expect(new WindowHandover(self, source, layout.Bytes, layout.Digest, token), export);
        }
    }

    /// <summary>A member's notice has come; the last one counts.</summary>
    public void OnNotice(MemberId source, WindowNotice notice)
    {
        lock (_lock)
        {
            foreach (var (id, older) in _peers.ToArray())
            {
                if (id.Rank == source.Rank && id.Incarnation < source.Incarnation && older.Token == 0 && older.Held == 0)
                    _peers.Remove(id); // an earlier process of the rank, with which nothing was ever shared
            }

            Of(source).Notice = notice;
            Of(source).Signal();
        }
    }

    /// <summary>Agrees with a member: it has this rank's window, and this rank has its.</summary>
    /// <param name="member">The member, for which there is a window: see <see cref="Give"/>.</param>
    /// <param name="operation">Digest of the view that both prepare.</param>
    /// <param name="import">Maps a window of the member, in place of the one that was mapped before.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ElasticEpException">The member did not answer in time, is out of reach, or uses the same GPU.</exception>
    public async Task MeetAsync(MemberId member, ulong operation, Action<SafeFileHandle> import, CancellationToken cancellationToken)
    {
        Peer peer;
        byte[] ours;
        lock (_lock)
        {
            peer = Of(member);
            ours = new WindowNotice(operation, peer.Token, peer.Held, device, _listener!.Name).ToBytes();
        }

        await notify(member, ours, cancellationToken).ConfigureAwait(false);
        await WaitAsync(member, peer, () => peer.Notice?.Operation == operation, "prepared the same view", cancellationToken).ConfigureAwait(false);
        var theirs = peer.Notice!;
        if (theirs.Device == device)
            throw Error(ElasticEpErrorCode.Incompatible, member, $"both use {device}; kernels of two ranks that wait for each other on one GPU could keep each other out: give each rank a GPU");
        if (theirs.Token != peer.Held)
        {
            await Task.Run(() => Fetch(member, theirs, import), cancellationToken).ConfigureAwait(false);
            lock (_lock)
                peer.Held = theirs.Token;
        }

        await WaitAsync(member, peer, () => peer.IsGiven || peer.Notice!.Held == peer.Token, "taken its window", cancellationToken).ConfigureAwait(false);
        lock (_lock)
            peer.IsGiven = true;
    }

    /// <summary>Both windows are gone.</summary>
    public void Forget(MemberId member)
    {
        lock (_lock)
        {
            _peers.Remove(member);
            _listener?.Forget(member);
        }
    }

    public void Dispose()
    {
        lock (_lock)
            _listener?.Dispose();
    }

    private static UInt128 NewToken()
    {
        Span<byte> bytes = stackalloc byte[16];
        RandomNumberGenerator.Fill(bytes);
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(bytes);
    }

    private void Fetch(MemberId receiver, WindowNotice notice, Action<SafeFileHandle> import)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(WindowListener.EndPointOf(notice.Name));
        }
        catch (SocketException exception)
        {
            throw Error(ElasticEpErrorCode.Incompatible, receiver, $"its socket is out of reach ({exception.Message}): windows need ranks of one host and one network namespace");
        }

        using var descriptor = WindowChannel.ReceiveDescriptor(socket, new WindowHandover(receiver, self, layout.Bytes, layout.Digest, notice.Token), limit);
        import(descriptor);
    }

    private void OnGiven(WindowHandover handover)
    {
        lock (_lock)
        {
            if (!_peers.TryGetValue(handover.Source, out var peer) || peer.Token != handover.Token)
                return;
            peer.IsGiven = true;
            peer.Signal();
        }
    }

    private async Task WaitAsync(MemberId member, Peer peer, Func<bool> isMet, string what, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (isMet())
                    return;
                changed = peer.Changed;
            }

            var left = limit - time.GetElapsedTime(began);
            try
            {
                await changed.WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, time, cancellationToken).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                throw Error(ElasticEpErrorCode.DeadlineExceeded, member, $"it has not {what} within {limit}");
            }
        }
    }

    private Peer Of(MemberId member)
    {
        if (!_peers.TryGetValue(member, out var peer))
            _peers.Add(member, peer = new Peer());
        return peer;
    }

    private ElasticEpException Error(ElasticEpErrorCode code, MemberId member, string what) =>
        new(code, $"{self} and {member} cannot exchange through windows: {what}.") { Rank = member.Rank };

    private sealed class Peer
    {
        private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Of the window here.</summary>
        public UInt128 Token { get; set; }

        /// <summary>Whether the member has taken the window here.</summary>
        public bool IsGiven { get; set; }

        /// <summary>Of the member's window that is mapped here; 0 = none.</summary>
        public UInt128 Held { get; set; }

        public WindowNotice? Notice { get; set; }

        public Task Changed => _changed.Task;

        public void Signal()
        {
            _changed.SetResult();
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }
}
