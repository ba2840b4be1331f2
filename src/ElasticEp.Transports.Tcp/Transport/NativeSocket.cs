using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>Scattered and gathered socket calls that never wait; .NET has none for native memory. Linux on 64-bit processors.</summary>
internal static unsafe partial class NativeSocket
{
    private const int DontWait = 0x40; // MSG_DONTWAIT
    private const int NoSignal = 0x4000; // MSG_NOSIGNAL
    private const int TryAgain = 11; // EAGAIN
    private const int Interrupted = 4; // EINTR

    public static bool IsSupported { get; } = OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.Arm64;

    /// <returns>Bytes sent, −1 when it would block.</returns>
    /// <exception cref="SocketException">The connection is broken.</exception>
    public static long Send(SafeSocketHandle socket, Piece* pieces, int count) => Run(socket, pieces, count, isSend: true);

    /// <returns>Bytes received, zero at the end of the stream, −1 when it would block.</returns>
    /// <exception cref="SocketException">The connection is broken.</exception>
    public static long Receive(SafeSocketHandle socket, Piece* pieces, int count) => Run(socket, pieces, count, isSend: false);

    private static long Run(SafeSocketHandle socket, Piece* pieces, int count, bool isSend)
    {
        var message = new Message { Pieces = pieces, Count = (nuint)count };
        while (true)
        {
            var done = isSend ? SendMessage(socket, &message, DontWait | NoSignal) : ReceiveMessage(socket, &message, DontWait);
            if (done >= 0)
                return done;
            var error = Marshal.GetLastPInvokeError();
            if (error == TryAgain)
                return -1;
            if (error != Interrupted)
                throw new SocketException(ToWinsock(error));
        }
    }

    private static int ToWinsock(int error) => (int)(error switch
    {
        32 or 104 => SocketError.ConnectionReset, // EPIPE, ECONNRESET
        110 => SocketError.TimedOut,
        103 => SocketError.ConnectionAborted,
        107 => SocketError.NotConnected,
        105 or 12 => SocketError.NoBufferSpaceAvailable, // ENOBUFS, ENOMEM
        _ => SocketError.SocketError,
    });

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint SendMessage(SafeSocketHandle socket, Message* message, int flags);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    private static partial nint ReceiveMessage(SafeSocketHandle socket, Message* message, int flags);

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Piece
    {
        public void* Start;
        public nuint Length;
    }

    /// <summary>struct msghdr.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Message
    {
        public void* Name;
        public uint NameLength;
        public Piece* Pieces;
        public nuint Count;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }
}
