using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ElasticEp.Cuda;

/// <summary>
/// Sends file descriptors over a Unix domain socket, which .NET cannot. Descriptors are close-on-exec on both sides: a worker that is
/// launched later and inherits one would keep dead memory alive.
/// </summary>
internal static unsafe partial class DescriptorSocket
{
    private const string Libc = "libc";
    private const int SolSocket = 1;
    private const int Rights = 1; // SCM_RIGHTS
    private const int NoSignal = 0x4000; // MSG_NOSIGNAL: a peer that is gone is an error, not a signal
    private const int CloseOnExecFlag = 0x40000000; // MSG_CMSG_CLOEXEC
    private const int SetDescriptorFlags = 2; // F_SETFD
    private const int ControlBytes = 24; // CMSG_SPACE(sizeof(int)): a head of 16 bytes, and 4 rounded up to 8
    private const int OneDescriptor = 20; // CMSG_LEN(sizeof(int)): a second one would fit into the rest, and be nobody's
    private const int NoWait = 0x40; // MSG_DONTWAIT: the waits are here, with a limit
    private const int Interrupted = 4; // EINTR
    private const int WouldBlock = 11; // EAGAIN: somebody else was faster

    /// <summary>Sends a message with a descriptor; the caller still owns the descriptor and closes it.</summary>
    /// <param name="socket">A Unix domain socket.</param>
    /// <param name="descriptor">The descriptor, or null for a message without one.</param>
    /// <param name="message">At least a byte.</param>
    /// <param name="limit">How long it may take.</param>
    /// <exception cref="SocketException">The peer is gone, the socket is no Unix domain socket, or there was no room in time.</exception>
    public static void Send(Socket socket, SafeFileHandle? descriptor, ReadOnlySpan<byte> message, TimeSpan limit)
    {
        ArgumentOutOfRangeException.ThrowIfZero(message.Length);
        var control = stackalloc byte[ControlBytes];
        *(nuint*)control = 16 + sizeof(int);
        ((int*)control)[2] = SolSocket;
        ((int*)control)[3] = Rights;
        ((int*)control)[4] = descriptor is null ? -1 : (int)descriptor.DangerousGetHandle();
        fixed (byte* data = message)
        {
            var part = new Part { Base = data, Length = (nuint)message.Length };
            var head = new Message { Parts = &part, PartCount = 1 };
            if (descriptor is not null)
            {
                head.Control = control;
                head.ControlLength = ControlBytes;
            }

            var sent = Repeat(socket, &head, isSend: true, limit);
            if (sent != message.Length)
                throw new SocketException((int)SocketError.MessageSize);
        }

        GC.KeepAlive(descriptor);
    }

    /// <summary>Receives a message with a descriptor, which the caller then owns.</summary>
    /// <param name="socket">A Unix domain socket.</param>
    /// <param name="message">Receives the message.</param>
    /// <param name="limit">How long it may take.</param>
    /// <returns>The bytes of the message, 0 when the peer has closed, and its descriptor, if it had one.</returns>
    /// <exception cref="SocketException">The socket failed, the message was cut or had more than one descriptor, or none came in time.</exception>
    public static (int Length, SafeFileHandle? Descriptor) Receive(Socket socket, Span<byte> message, TimeSpan limit)
    {
        var control = stackalloc byte[ControlBytes];
        fixed (byte* data = message)
        {
            var part = new Part { Base = data, Length = (nuint)message.Length };
            var head = new Message { Parts = &part, PartCount = 1, Control = control, ControlLength = OneDescriptor };
            var length = Repeat(socket, &head, isSend: false, limit);
            var hasDescriptor = head.ControlLength >= 16 + sizeof(int) && ((int*)control)[2] == SolSocket && ((int*)control)[3] == Rights;
            var descriptor = hasDescriptor ? new SafeFileHandle(((int*)control)[4], ownsHandle: true) : null;
            if ((head.Flags & 0x28) == 0) // MSG_TRUNC, MSG_CTRUNC
                return ((int)length, descriptor);
            descriptor?.Dispose();
            throw new SocketException((int)SocketError.MessageSize);
        }
    }

    /// <summary>Takes a new descriptor over and makes it close when a program is started; it is closed when that fails.</summary>
    /// <exception cref="IOException">It is no descriptor.</exception>
    public static SafeFileHandle Own(int descriptor)
    {
        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        if (fcntl(handle, SetDescriptorFlags, 1) == 0)
            return handle;
        var error = Marshal.GetLastPInvokeError();
        handle.Dispose();
        throw new IOException($"Descriptor {descriptor} cannot be made close-on-exec: error {error}.");
    }

    /// <summary>The user that this process runs as.</summary>
    public static int EffectiveUser() => geteuid();

    private static nint Repeat(Socket socket, Message* head, bool isSend, TimeSpan limit)
    {
        var began = Stopwatch.GetTimestamp();
        while (true)
        {
            var left = limit - Stopwatch.GetElapsedTime(began);
            if (left <= TimeSpan.Zero || !socket.Poll(left, isSend ? SelectMode.SelectWrite : SelectMode.SelectRead))
                throw new SocketException((int)SocketError.TimedOut);
            var done = isSend ? sendmsg(socket.SafeHandle, head, NoSignal | NoWait) : recvmsg(socket.SafeHandle, head, CloseOnExecFlag | NoWait);
            if (done >= 0)
                return done;
            var error = Marshal.GetLastPInvokeError();
            if (error is not (Interrupted or WouldBlock))
                throw new SocketException(error);
        }
    }

    [LibraryImport(Libc, SetLastError = true)]
    private static partial nint sendmsg(SafeSocketHandle socket, Message* message, int flags);

    [LibraryImport(Libc, SetLastError = true)]
    private static partial nint recvmsg(SafeSocketHandle socket, Message* message, int flags);

    [LibraryImport(Libc, SetLastError = true)]
    private static partial int fcntl(SafeFileHandle descriptor, int command, int value);

    [LibraryImport(Libc)]
    private static partial int geteuid();

    private struct Part
    {
        public byte* Base;
        public nuint Length;
    }

    private struct Message
    {
        public void* Name;
        public uint NameLength;
        public Part* Parts;
        public nuint PartCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }
}
