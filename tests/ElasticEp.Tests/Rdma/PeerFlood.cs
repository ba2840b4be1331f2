using ElasticEp.TestKit;
using ElasticEp.Transport;
using ElasticEp.Transports.Rdma.Connections;

namespace ElasticEp.Tests.Rdma;

/// <summary>Frames to one peer, one after another, until it is gone.</summary>
internal static class PeerFlood
{
    public static async Task SendAsync(RdmaTransport transport, MemberId peer, int length, Action<int> onBegun)
    {
        var rows = new[] { EpBuffer.From(new byte[length]) };
        try
        {
            for (var frame = 1; ; frame++)
            {
                var sending = transport.SendAsync(peer, LinkKind.Data, SuiteFrame.Head(frame), default, rows);
                onBegun(frame);
                await sending;
            }
        }
        catch (ElasticEpException lost) when (lost.Code == ElasticEpErrorCode.PeerLost)
        {
            // as it should
        }
    }
}
