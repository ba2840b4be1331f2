using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ElasticEp.Gpu.Tests.Cuda;

/// <summary>Sends one message with two descriptors, which the library never does.</summary>
internal static unsafe partial class TwoDescriptors
{
    public static void Send(Socket socket, SafeFileHandle file)
    {
        byte data = 1;
        var part = stackalloc nint[2] { (nint)(&data), 1 };
        var control = stackalloc int[6] { 24, 0, 1, 1, (int)file.DangerousGetHandle(), (int)file.DangerousGetHandle() }; // length, SOL_SOCKET, SCM_RIGHTS
        var head = stackalloc nint[7] { 0, 0, (nint)part, 1, (nint)control, 24, 0 };
        Assert.Equal(1, sendmsg(socket.SafeHandle, head, 0));
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint sendmsg(SafeSocketHandle socket, nint* message, int flags);
}
