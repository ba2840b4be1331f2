using System.Buffers.Binary;
using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;

namespace ElasticEp.Cuda.Windows;

/// <summary>
/// Hands windows over between processes of a host. A descriptor is sent with an offer that names both sides, the layout and the token, and
/// closed once it is sent or mapped: whoever keeps one keeps the memory.
/// </summary>
internal static class WindowChannel
{
    private const int SolSocket = 1;
    private const int PeerCredentials = 17; // SO_PEERCRED: process, user, group

    /// <summary>Sends the descriptor of a window to its source.</summary>
    /// <exception cref="SocketException">The peer is gone.</exception>
    /// <exception cref="ElasticEpException">The other side is another user's process.</exception>
    public static void Send(Socket socket, CudaMemory window, WindowOffer offer)
    {
        CheckUser(socket); // whoever has the descriptor can write into the window
        Span<byte> message = stackalloc byte[WindowOffer.Length];
        offer.Write(message);
        using var descriptor = window.Export();
        DescriptorSocket.Send(socket, descriptor, message);
    }

    /// <summary>Receives the offer of a window and maps it.</summary>
    /// <param name="socket">A socket to the receiver's process.</param>
    /// <param name="device">Where this rank's kernels run.</param>
    /// <param name="expected">The offer that must come.</param>
    /// <exception cref="ElasticEpException">Another user's process, another member, layout or token.</exception>
    public static CudaMemory Receive(Socket socket, CudaDevice device, WindowOffer expected)
    {
        using var descriptor = ReceiveDescriptor(socket, expected);
        return device.Import(descriptor, expected.Bytes);
    }

    /// <summary>Receives the offer of a window and checks it.</summary>
    internal static SafeFileHandle ReceiveDescriptor(Socket socket, WindowOffer expected)
    {
        CheckUser(socket);
        Span<byte> message = stackalloc byte[WindowOffer.Length];
        var (length, descriptor) = DescriptorSocket.Receive(socket, message);
        try
        {
            var offer = WindowOffer.Read(message[..length]);
            if (FindFault(offer, expected) is { } fault)
                throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, $"A window of {expected.Receiver} was offered {fault}.") { Rank = expected.Receiver.Rank };
            return descriptor ?? throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, $"The offer of a window of {expected.Receiver} came without a descriptor.");
        }
        catch
        {
            descriptor?.Dispose();
            throw;
        }
    }

    private static string? FindFault(WindowOffer offer, WindowOffer expected) =>
        offer.Token != expected.Token ? "with a wrong token"
        : offer.Receiver != expected.Receiver ? $"by {offer.Receiver}"
        : offer.Source != expected.Source ? $"for {offer.Source}, not {expected.Source}"
        : offer.Digest != expected.Digest || offer.Bytes != expected.Bytes ? $"with {offer.Bytes} bytes and layout {offer.Digest:x16}; here it has {expected.Bytes} and {expected.Digest:x16}"
        : null;

    /// <summary>The process on the other side runs as the same user, or as root.</summary>
    private static void CheckUser(Socket socket)
    {
        Span<byte> credentials = stackalloc byte[12];
        socket.GetRawSocketOption(SolSocket, PeerCredentials, credentials);
        var user = BinaryPrimitives.ReadInt32LittleEndian(credentials[4..]);
        if (user != 0 && user != DescriptorSocket.EffectiveUser())
            throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, $"The process {BinaryPrimitives.ReadInt32LittleEndian(credentials)} at the other end of a window's socket runs as another user.");
    }
}
