using System.Net.Sockets;
using System.Security.Cryptography;
using ElasticEp.Cuda;
using ElasticEp.Cuda.Windows;

namespace ElasticEp.Gpu.Tests.Windows;

/// <summary>Who gets the descriptor of a window; a file stands for the memory.</summary>
public sealed class WindowChannelTests : IDisposable
{
    private static readonly WindowOffer Offer = new(new MemberId(3, 17), new MemberId(5, 19), 1 << 30, 0xABCDEF, new UInt128(1, 2));

    private readonly string _folder = Directory.CreateTempSubdirectory("elastic-ep-").FullName;
    private readonly Socket _left;
    private readonly Socket _right;

    public WindowChannelTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Descriptors travel on Linux only.");
        var address = new UnixDomainSocketEndPoint(Path.Combine(_folder, "socket"));
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(address);
        listener.Listen(1);
        _left = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _left.Connect(address);
        _right = listener.Accept();
    }

    [Fact]
    public void An_offer_is_read_as_it_was_written()
    {
        var bytes = new byte[WindowOffer.Length];
        Offer.Write(bytes);
        Assert.Equal(Offer, WindowOffer.Read(bytes));
    }

    [Fact]
    public void The_expected_offer_brings_its_descriptor()
    {
        Send(Offer);
        using var descriptor = WindowChannel.ReceiveDescriptor(_right, Offer);
        Assert.False(descriptor.IsInvalid);
    }

    [Theory]
    [InlineData("token", "with a wrong token")]
    [InlineData("receiver", "by rank 3 (incarnation 18)")]
    [InlineData("source", "for rank 5 (incarnation 20), not rank 5 (incarnation 19)")]
    [InlineData("layout", "with 1073741824 bytes and layout 0000000000abcdee; here it has 1073741824 and 0000000000abcdef")]
    public void Another_offer_is_refused(string what, string message)
    {
        Send(what switch
        {
            "token" => Offer with { Token = new UInt128(1, 3) },
            "receiver" => Offer with { Receiver = new MemberId(3, 18) },
            "source" => Offer with { Source = new MemberId(5, 20) },
            _ => Offer with { Digest = 0xABCDEE },
        });
        var error = Assert.Throws<ElasticEpException>(() => WindowChannel.ReceiveDescriptor(_right, Offer));
        Assert.Equal((ElasticEpErrorCode.ProtocolViolation, (int?)3), (error.Code, error.Rank));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_offer_is_refused()
    {
        _left.Send(RandomNumberGenerator.GetBytes(WindowOffer.Length));
        Assert.Equal(ElasticEpErrorCode.ProtocolViolation, Assert.Throws<ElasticEpException>(() => WindowChannel.ReceiveDescriptor(_right, Offer)).Code);
        var bytes = new byte[WindowOffer.Length];
        Offer.Write(bytes);
        _left.Send(bytes);
        Assert.Contains("without a descriptor", Assert.Throws<ElasticEpException>(() => WindowChannel.ReceiveDescriptor(_right, Offer)).Message, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _left?.Dispose();
        _right?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private void Send(WindowOffer offer)
    {
        var message = new byte[WindowOffer.Length];
        offer.Write(message);
        using var file = File.OpenHandle("/dev/null");
        DescriptorSocket.Send(_left, file, message);
    }
}
