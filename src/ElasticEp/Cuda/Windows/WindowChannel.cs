using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;

namespace ElasticEp.Cuda.Windows;

/// <summary>
/// Hands windows over between processes of a host. The source says hello, the receiver answers with an offer and the descriptor; each checks
/// that the other runs as the same user, knows the token and means the same window. A descriptor is closed once it is sent or mapped: whoever
/// keeps one keeps the memory.
/// </summary>
internal static class WindowChannel
{
    private const int SolSocket = 1;
    private const int PeerCredentials = 17; // SO_PEERCRED: process, user, group

    /// <summary>Waits for the source's hello and sends it the descriptor of its window.</summary>
    /// <param name="socket">A socket to the source's process.</param>
    /// <param name="window">The window.</param>
    /// <param name="handover">What must be handed over.</param>
    /// <param name="limit">How long all of it may take.</param>
    /// <exception cref="ElasticEpException">Another process, member, layout or token, or not in time: nothing was sent.</exception>
    public static void Send(Socket socket, CudaMemory window, WindowHandover handover, TimeSpan limit) => SendDescriptor(socket, window.Export, handover, limit);

    /// <summary>Says hello, receives the offer of a window, and maps it.</summary>
    /// <param name="socket">A socket to the receiver's process.</param>
    /// <param name="device">Where this rank's kernels run.</param>
    /// <param name="handover">What must be handed over.</param>
    /// <param name="limit">How long all of it may take.</param>
    /// <exception cref="ElasticEpException">Another process, member, layout or token, or not in time.</exception>
    public static CudaMemory Receive(Socket socket, CudaDevice device, WindowHandover handover, TimeSpan limit)
    {
        using var descriptor = ReceiveDescriptor(socket, handover, limit);
        return device.Import(descriptor, handover.Bytes);
    }

    /// <summary>The same for any descriptor, which is made when the source has proved who it is.</summary>
    internal static void SendDescriptor(Socket socket, Func<SafeFileHandle> export, WindowHandover handover, TimeSpan limit) =>
        Serve(socket, handover, _ => (handover, export), limit);

    /// <summary>The same where the hello says which window is wanted.</summary>
    /// <param name="socket">A socket to some process.</param>
    /// <param name="any">What messages name before it is known who is there.</param>
    /// <param name="find">The window of a source, or null where none is expected.</param>
    /// <param name="limit">How long all of it may take.</param>
    /// <returns>What was handed over.</returns>
    internal static WindowHandover Serve(Socket socket, WindowHandover any, Func<MemberId, (WindowHandover Handover, Func<SafeFileHandle> Export)?> find, TimeSpan limit) => Run(any, any.Source, limit, left =>
    {
        CheckUser(socket, any, any.Source); // whoever has the descriptor can write into the window
        Span<byte> message = stackalloc byte[WindowHandover.Length];
        ReceiveMessage(socket, message, left)?.Dispose();
        var (handover, export) = find(WindowHandover.SourceOf(message)) ?? (any, () => throw new InvalidOperationException("Nobody is to get a window."));
        Require(handover, handover.Source, handover.FindFault(message, WindowHandover.Hello));
        handover.Write(message, WindowHandover.Offer);
        using var descriptor = export();
        DescriptorSocket.Send(socket, descriptor, message, left());
        return handover;
    });

    /// <summary>Receives the descriptor of a window and checks the offer.</summary>
    internal static SafeFileHandle ReceiveDescriptor(Socket socket, WindowHandover handover, TimeSpan limit) => Run(handover, handover.Receiver, limit, left =>
    {
        CheckUser(socket, handover, handover.Receiver);
        Span<byte> message = stackalloc byte[WindowHandover.Length];
        handover.Write(message, WindowHandover.Hello);
        DescriptorSocket.Send(socket, descriptor: null, message, left());
        var descriptor = ReceiveMessage(socket, message, left);
        try
        {
            Require(handover, handover.Receiver, handover.FindFault(message, WindowHandover.Offer) ?? (descriptor is null ? "the offer came without a descriptor" : null));
            return descriptor!;
        }
        catch
        {
            descriptor?.Dispose();
            throw;
        }
    });

    private static T Run<T>(WindowHandover handover, MemberId peer, TimeSpan limit, Func<Func<TimeSpan>, T> act)
    {
        var began = Stopwatch.GetTimestamp();
        try
        {
            return act(() => limit - Stopwatch.GetElapsedTime(began));
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.TimedOut)
        {
            throw Error(ElasticEpErrorCode.DeadlineExceeded, handover, peer, $"it took longer than {limit}", exception);
        }
        catch (SocketException exception)
        {
            throw Error(ElasticEpErrorCode.PeerLost, handover, peer, exception.Message, exception);
        }
    }

    /// <summary>Fills a message, which a socket may bring in parts; the descriptor comes with the first.</summary>
    private static SafeFileHandle? ReceiveMessage(Socket socket, Span<byte> message, Func<TimeSpan> left)
    {
        SafeFileHandle? descriptor = null;
        try
        {
            for (var at = 0; at < message.Length;)
            {
                var (length, with) = DescriptorSocket.Receive(socket, message[at..], left());
                (descriptor, with) = (descriptor ?? with, descriptor is null ? null : with);
                with?.Dispose();
                if (length == 0)
                    throw new SocketException((int)SocketError.ConnectionReset);
                at += length;
            }

            return descriptor;
        }
        catch
        {
            descriptor?.Dispose();
            throw;
        }
    }

    /// <summary>The process on the other side runs as the same user, or as root.</summary>
    private static void CheckUser(Socket socket, WindowHandover handover, MemberId peer)
    {
        Span<byte> credentials = stackalloc byte[12];
        socket.GetRawSocketOption(SolSocket, PeerCredentials, credentials);
        var user = BinaryPrimitives.ReadInt32LittleEndian(credentials[4..]);
        if (user != 0 && user != DescriptorSocket.EffectiveUser())
            Require(handover, peer, $"the process {BinaryPrimitives.ReadInt32LittleEndian(credentials)} at the other end runs as another user");
    }

    private static void Require(WindowHandover handover, MemberId peer, string? fault)
    {
        if (fault is not null)
            throw Error(ElasticEpErrorCode.ProtocolViolation, handover, peer, fault, null);
    }

    private static ElasticEpException Error(ElasticEpErrorCode code, WindowHandover handover, MemberId peer, string what, Exception? inner) =>
        new(code, $"The window of {handover.Receiver} for {handover.Source} was not handed over: {what}.", inner) { Rank = peer.Rank };
}
