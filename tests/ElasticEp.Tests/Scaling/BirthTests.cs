using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Tests.Membership;

namespace ElasticEp.Tests.Scaling;

/// <summary>The first view.</summary>
public sealed class BirthTests
{
    [Fact]
    public void A_first_rank_that_is_started_again_is_in_the_first_view_as_the_process_that_is_there_now()
    {
        var probe = CoreProbe.Unborn().Register(1).LinkUp(1).Plan(0, 1);
        Assert.Equal(TestViews.Id(1), probe.Sent<PrepareMessage>(1).Single().Next.Find(1)!.Id);
        var again = new MemberId(1, TestViews.Id(1).Incarnation + 1);
        probe.Post(new RankRegistered(new GroupMember(1, again.Incarnation, "test:again")));
        Assert.Equal(again, probe.Of<Dial>().Single().Peer.Id);
        probe.Post(new LinkUp(again));
        var next = probe.Coordinator.Operation!.Next!;
        Assert.Equal(again, next.Find(1)!.Id);
        Assert.Contains(probe.Of<SendMessage>(), send => send.To == again && send.Message is PrepareMessage prepare && prepare.Next.Digest == next.Digest);
        probe.Fetched();
        Assert.False(probe.Report(1, PreparationState.Ready).Has<WriteRecord>()); // the process that is gone
        probe.Post(new MessageReceived(again, new PreparationMessage("birth", PreparationState.Ready, next.Digest, 0, 0, "")));
        Assert.Equal(again, probe.Write().Record.View.Find(1)!.Id);
        Assert.Contains(probe.Of<SendMessage>(), send => send.To == again && send.Message is StartMessage);
    }
}
