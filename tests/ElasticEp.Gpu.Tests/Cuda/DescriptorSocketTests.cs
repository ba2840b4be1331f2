using System.Net.Sockets;
using System.Text;
using ElasticEp.Cuda;
using Microsoft.Win32.SafeHandles;

namespace ElasticEp.Gpu.Tests.Cuda;

/// <summary>Descriptors over a Unix domain socket.</summary>
public sealed class DescriptorSocketTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private readonly string _folder = Directory.CreateTempSubdirectory("elastic-ep-").FullName;

    public DescriptorSocketTests() => Assert.SkipUnless(OperatingSystem.IsLinux(), "Descriptors travel on Linux only.");

    [Fact]
    public void The_receiver_reads_the_file_that_the_sender_opened_even_after_the_sender_closed_it()
    {
        var path = Path.Combine(_folder, "file");
        File.WriteAllText(path, "shared");
        var (left, right) = Pair();
        using (left)
        using (right)
        {
            using (var file = File.OpenHandle(path))
                DescriptorSocket.Send(left, file, "window 7"u8, Limit);
            File.Delete(path);
            var message = new byte[64];
            var (length, descriptor) = DescriptorSocket.Receive(right, message, Limit);
            using var received = new FileStream(descriptor!, FileAccess.Read);
            Assert.Equal("window 7", Encoding.UTF8.GetString(message, 0, length));
            Assert.Equal("shared", new StreamReader(received).ReadToEnd());
        }
    }

    [Fact]
    public void A_received_descriptor_is_close_on_exec()
    {
        var (left, right) = Pair();
        using (left)
        using (right)
        {
            using (var file = File.OpenHandle("/dev/null"))
                DescriptorSocket.Send(left, file, [1], Limit);
            var (_, descriptor) = DescriptorSocket.Receive(right, new byte[8], Limit);
            using (descriptor)
                Assert.Equal(0x80000, FlagsOf(descriptor!) & 0x80000); // O_CLOEXEC, octal 02000000
        }
    }

    [Fact]
    public void A_closed_peer_reads_as_nothing_and_sending_to_it_is_an_error()
    {
        var (left, right) = Pair();
        using (right)
        {
            left.Dispose();
            Assert.Equal(0, DescriptorSocket.Receive(right, new byte[8], Limit).Length);
            using var file = File.OpenHandle("/dev/null");
            Assert.Throws<SocketException>(() => DescriptorSocket.Send(right, file, [1], Limit));
        }
    }

    [Fact]
    public void A_message_that_does_not_fit_is_an_error()
    {
        var (left, right) = Pair(SocketType.Seqpacket);
        using (left)
        using (right)
        {
            using var file = File.OpenHandle("/dev/null");
            DescriptorSocket.Send(left, file, new byte[20], Limit);
            Assert.Throws<SocketException>(() => DescriptorSocket.Receive(right, new byte[8], Limit));
        }
    }

    [Fact]
    public void Two_messages_bring_a_descriptor_each_in_order()
    {
        var (left, right) = Pair();
        using (left)
        using (right)
        {
            foreach (var name in (string[])["first", "second"])
            {
                File.WriteAllText(Path.Combine(_folder, name), name);
                using var file = File.OpenHandle(Path.Combine(_folder, name));
                DescriptorSocket.Send(left, file, [7], Limit);
            }

            foreach (var name in (string[])["first", "second"])
            {
                var (_, descriptor) = DescriptorSocket.Receive(right, new byte[1], Limit);
                using var received = new FileStream(descriptor!, FileAccess.Read);
                Assert.Equal(name, new StreamReader(received).ReadToEnd());
            }
        }
    }

    [Fact]
    public void A_message_with_two_descriptors_is_refused_and_neither_stays_open()
    {
        var (left, right) = Pair();
        var path = Path.Combine(_folder, "file");
        File.WriteAllText(path, "shared");
        using (left)
        using (right)
        {
            using (var file = File.OpenHandle(path))
                TwoDescriptors.Send(left, file);
            Assert.Throws<SocketException>(() => DescriptorSocket.Receive(right, new byte[8], Limit));
        }

        Assert.DoesNotContain(path, Directory.GetFiles("/proc/self/fd").Select(name => new FileInfo(name).LinkTarget));
    }

    [Fact]
    public void A_peer_that_sends_nothing_or_takes_nothing_ends_the_wait_by_its_limit()
    {
        var (left, right) = Pair();
        using (left)
        using (right)
        {
            var limit = TimeSpan.FromMilliseconds(5);
            Assert.Equal(SocketError.TimedOut, Assert.Throws<SocketException>(() => DescriptorSocket.Receive(right, new byte[8], limit)).SocketErrorCode);
            left.Blocking = false;
            var error = SocketError.Success;
            while (error == SocketError.Success)
                left.Send(new byte[4096], SocketFlags.None, out error);
            Assert.Equal(SocketError.WouldBlock, error);
            Assert.Equal(SocketError.TimedOut, Assert.Throws<SocketException>(() => DescriptorSocket.Send(left, null, [1], limit)).SocketErrorCode);
        }
    }

    [Fact]
    public void What_is_no_descriptor_is_not_owned() => Assert.Throws<IOException>(() => DescriptorSocket.Own(int.MaxValue));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static int FlagsOf(SafeFileHandle descriptor)
    {
        var line = File.ReadLines($"/proc/self/fdinfo/{descriptor.DangerousGetHandle()}").Single(line => line.StartsWith("flags:", StringComparison.Ordinal));
        return Convert.ToInt32(line[6..].Trim(), 8);
    }

    private (Socket Left, Socket Right) Pair(SocketType type = SocketType.Stream)
    {
        var address = new UnixDomainSocketEndPoint(Path.Combine(_folder, "socket"));
        using var listener = new Socket(AddressFamily.Unix, type, ProtocolType.Unspecified);
        listener.Bind(address);
        listener.Listen(1);
        var left = new Socket(AddressFamily.Unix, type, ProtocolType.Unspecified);
        left.Connect(address);
        return (left, listener.Accept());
    }
}
