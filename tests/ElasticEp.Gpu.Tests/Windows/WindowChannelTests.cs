using System.Net.Sockets;
using System.Security.Cryptography;
using ElasticEp.Cuda;
using ElasticEp.Cuda.Windows;
using Microsoft.Win32.SafeHandles;

namespace ElasticEp.Gpu.Tests.Windows;

/// <summary>Who gets the descriptor of a window; a file stands for the memory.</summary>
public sealed class WindowChannelTests : IDisposable
{
    private static readonly WindowHandover Handover = new(new MemberId(3, 17), new MemberId(5, 19), 1 << 30, 0xABCDEF, new UInt128(1, 2));
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(5);

    private readonly string _folder = Directory.CreateTempSubdirectory("elastic-ep-").FullName;
    private readonly Socket _receiver;
    private readonly Socket _source;
    private int _exported;

    public WindowChannelTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Descriptors travel on Linux only.");
        var address = new UnixDomainSocketEndPoint(Path.Combine(_folder, "socket"));
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(address);
        listener.Listen(1);
        _receiver = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _receiver.Connect(address);
        _source = listener.Accept();
    }

    public static TheoryData<string, string> Others => new()
    {
        { "token", "the other side does not know the token" },
        { "receiver", "the other side means one of rank 3 (incarnation 18) for rank 5 (incarnation 19)" },
        { "source", "the other side means one of rank 3 (incarnation 17) for rank 5 (incarnation 20)" },
        { "layout", "there it has 1073741824 bytes and layout 0000000000abcdee, here 1073741824 and 0000000000abcdef" },
    };

    [Fact]
    public async Task The_source_gets_the_descriptor_of_its_window()
    {
        var sending = Task.Run(() => WindowChannel.SendDescriptor(_receiver, Export, Handover, Limit));
        using var descriptor = WindowChannel.ReceiveDescriptor(_source, Handover, Limit);
        await sending;
        Assert.False(descriptor.IsInvalid);
    }

    [Theory]
    [MemberData(nameof(Others))]
    public void A_source_that_is_not_the_one_gets_no_descriptor(string what, string message)
    {
        Say(_source, Other(what), WindowHandover.Hello);
        var error = Assert.Throws<ElasticEpException>(() => WindowChannel.SendDescriptor(_receiver, Export, Handover, Limit));
        Assert.Equal((ElasticEpErrorCode.ProtocolViolation, (int?)5), (error.Code, error.Rank));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Equal((0, 0), (_exported, _source.Available));
    }

    [Theory]
    [MemberData(nameof(Others))]
    public void A_window_of_another_is_not_mapped(string what, string message)
    {
        Say(_receiver, Other(what), WindowHandover.Offer, withDescriptor: true);
        var error = Assert.Throws<ElasticEpException>(() => WindowChannel.ReceiveDescriptor(_source, Handover, Limit));
        Assert.Equal((ElasticEpErrorCode.ProtocolViolation, (int?)3), (error.Code, error.Rank));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_source_says_is_no_offer_so_that_nobody_can_send_it_back()
    {
        Say(_receiver, Handover, WindowHandover.Hello, withDescriptor: true);
        Assert.Contains("that are no offer", Assert.Throws<ElasticEpException>(() => WindowChannel.ReceiveDescriptor(_source, Handover, Limit)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Random_bytes_and_an_offer_without_a_descriptor_are_refused()
    {
        _source.Send(RandomNumberGenerator.GetBytes(WindowHandover.Length));
        Assert.Equal(ElasticEpErrorCode.ProtocolViolation, Assert.Throws<ElasticEpException>(() => WindowChannel.SendDescriptor(_receiver, Export, Handover, Limit)).Code);
        Say(_receiver, Handover, WindowHandover.Offer);
        Assert.Contains("without a descriptor", Assert.Throws<ElasticEpException>(() => WindowChannel.ReceiveDescriptor(_source, Handover, Limit)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_message_that_comes_in_parts_is_read_whole()
    {
        var message = new byte[WindowHandover.Length];
        Handover.Write(message, WindowHandover.Offer);
        using (var file = Export())
            DescriptorSocket.Send(_receiver, file, message.AsSpan(0, 30), Limit);
        _receiver.Send(message.AsSpan(30));
        using var descriptor = WindowChannel.ReceiveDescriptor(_source, Handover, Limit);
        Assert.False(descriptor.IsInvalid);
    }

    [Fact]
    public void A_side_that_says_nothing_or_is_gone_ends_the_handover_in_time()
    {
        Assert.Equal(ElasticEpErrorCode.DeadlineExceeded, Assert.Throws<ElasticEpException>(() => WindowChannel.SendDescriptor(_receiver, Export, Handover, Short)).Code);
        var error = Assert.Throws<ElasticEpException>(() => WindowChannel.ReceiveDescriptor(_source, Handover, Short));
        Assert.Equal((ElasticEpErrorCode.DeadlineExceeded, (int?)3), (error.Code, error.Rank));
        _source.Dispose();
        Assert.Equal(ElasticEpErrorCode.PeerLost, Assert.Throws<ElasticEpException>(() =>
        {
            WindowChannel.SendDescriptor(_receiver, Export, Handover, Limit); // the hello that came before
            WindowChannel.SendDescriptor(_receiver, Export, Handover, Limit);
        }).Code);
    }

    public void Dispose()
    {
        _receiver?.Dispose();
        _source?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static WindowHandover Other(string what) => what switch
    {
        "token" => Handover with { Token = new UInt128(1, 3) },
        "receiver" => Handover with { Receiver = new MemberId(3, 18) },
        "source" => Handover with { Source = new MemberId(5, 20) },
        _ => Handover with { Digest = 0xABCDEE },
    };

    private static void Say(Socket socket, WindowHandover handover, int kind, bool withDescriptor = false)
    {
        var message = new byte[WindowHandover.Length];
        handover.Write(message, kind);
        using var file = withDescriptor ? File.OpenHandle("/dev/null") : null;
        DescriptorSocket.Send(socket, file, message, Limit);
    }

    private SafeFileHandle Export()
    {
        _exported++;
        return File.OpenHandle("/dev/null");
    }
}
