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
    private const int Interrupted = 4; // EINTR

    /// <summary>Sends a message with a descriptor; the caller still owns the descriptor and closes it.</summary>
    /// <exception cref="SocketException">The peer is gone, or the socket is no Unix domain socket.</exception>
    public static void Send(Socket socket, SafeFileHandle descriptor, ReadOnlySpan<byte> message)
    {
        ArgumentOutOfRangeException.ThrowIfZero(message.Length);
        var control = stackalloc byte[ControlBytes];
        *(nuint*)control = 16 + sizeof(int);
        ((int*)control)[2] = SolSocket;
        ((int*)control)[3] = Rights;
        ((int*)control)[4] = (int)descriptor.DangerousGetHandle();
        fixed (byte* data = message)
        {
            var part = new Part { Base = data, Length = (nuint)message.Length };
            var head = new Message { Parts = &part, PartCount = 1, Control = control, ControlLength = ControlBytes };
            var sent = Repeat(socket, &head, isSend: true);
            if (sent != message.Length)
                throw new SocketException((int)SocketError.MessageSize);
        }

        GC.KeepAlive(descriptor);
    }

    /// <summary>Receives a message with a descriptor, which the caller then owns.</summary>
    /// <returns>The bytes of the message, 0 when the peer has closed, and its descriptor, if it had one.</returns>
    /// <exception cref="SocketException">The socket failed, or the message was cut.</exception>
    public static (int Length, SafeFileHandle? Descriptor) Receive(Socket socket, Span<byte> message)
    {
        var control = stackalloc byte[ControlBytes];
        fixed (byte* data = message)
        {
            var part = new Part { Base = data, Length = (nuint)message.Length };
            var head = new Message { Parts = &part, PartCount = 1, Control = control, ControlLength = OneDescriptor };
            var length = Repeat(socket, &head, isSend: false);
            var hasDescriptor = head.ControlLength >= 16 + sizeof(int) && ((int*)control)[2] == SolSocket && ((int*)control)[3] == Rights;
            var descriptor = hasDescriptor ? new SafeFileHandle(((int*)control)[4], ownsHandle: true) : null;
            if ((head.Flags & 0x28) == 0) // MSG_TRUNC, MSG_CTRUNC
                return ((int)length, descriptor);
            descriptor?.Dispose();
            throw new SocketException((int)SocketError.MessageSize);
        }
    }

    /// <summary>Makes a descriptor close when a program is started.</summary>
    public static void CloseOnExec(int descriptor)
    {
        if (fcntl(descriptor, SetDescriptorFlags, 1) != 0)
            throw new IOException($"Descriptor {descriptor} cannot be made close-on-exec: error {Marshal.GetLastPInvokeError()}.");
    }

    /// <summary>The user that this process runs as.</summary>
    public static int EffectiveUser() => geteuid();

    private static nint Repeat(Socket socket, Message* head, bool isSend)
    {
        while (true)
        {
            var done = isSend ? sendmsg(socket.SafeHandle, head, NoSignal) : recvmsg(socket.SafeHandle, head, CloseOnExecFlag);
            if (done >= 0)
                return done;
            var error = Marshal.GetLastPInvokeError();
            if (error != Interrupted)
                throw new SocketException(error);
        }
    }

    [LibraryImport(Libc, SetLastError = true)]
    private static partial nint sendmsg(SafeSocketHandle socket, Message* message, int flags);

    [LibraryImport(Libc, SetLastError = true)]
    private static partial nint recvmsg(SafeSocketHandle socket, Message* message, int flags);

    [LibraryImport(Libc, SetLastError = true)]
    private static partial int fcntl(int descriptor, int command, int value);

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
