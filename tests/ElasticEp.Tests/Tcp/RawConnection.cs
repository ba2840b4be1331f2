using System.Security.Cryptography;
using ElasticEp.TestKit;
using ElasticEp.Transport;
using ElasticEp.Transports.Tcp.Transport;

namespace ElasticEp.Tests.Tcp;

/// <summary>A valid connection of a peer that then says what it likes: three links that the other end has accepted.</summary>
internal sealed class RawConnection : IDisposable
{
    private readonly RawLink[] _links;

    private RawConnection(RawLink[] links) => _links = links;

    public RawLink this[LinkKind link] => _links[(int)link];

    public static async Task<RawConnection> OpenAsync(TcpPeer to, TcpLinks links, int peer = 9)
    {
        var hello = new Hello(LinkKind.Control, BitConverter.ToInt64(RandomNumberGenerator.GetBytes(8)), 0, RawLink.Stranger(peer), to.Self.Id);
        var opened = new RawLink[3];
        foreach (var link in Enum.GetValues<LinkKind>())
        {
            opened[(int)link] = await RawLink.JoinAsync(to, links);
            Assert.Equal(HelloVerdict.Accepted, (await opened[(int)link].HelloAsync(hello with { Link = link })).Verdict);
        }

        await opened[0].Stream.ReadExactlyAsync(new byte[1], RawLink.Token).AsTask().WaitAsync(TcpGroup.Deadline);
        Assert.Equal($"up {peer}/1", await to.Handler.NextConnectionAsync());
        return new RawConnection(opened);
    }

    public static byte[] Frame(long step, int length, LinkKind link = LinkKind.Data)
    {
        var bytes = new byte[FrameWire.Size + length];
        var metadata = link == LinkKind.Control ? length : length / 3;
        FrameWire.Write(bytes, new FrameInfo(SuiteFrame.Head(step), metadata, length - metadata));
        bytes.AsSpan(FrameWire.Size).Fill((byte)step);
        return bytes;
    }

    public void Dispose() => Array.ForEach(_links, link => link.Dispose());
}
