using ElasticEp.Protocol;
using ElasticEp.Tests.Membership;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Protocol;

/// <summary>Which messages leave the control link free for StepEnds, heartbeats and Stop.</summary>
public sealed class MessageLinksTests
{
    private static readonly GroupView View = TestViews.View(1, 0, 1);

    [Fact]
    public void What_carries_views_takes_the_weights_link_and_what_refers_to_it_too()
    {
        foreach (var message in (ProtocolMessage[])[new PrepareMessage("op", 0, BaseView.Of(View), View, [], default), new DrainMessage("op"), new AbortMessage("op", "why"), new StartMessage(View, 1, "", 0)])
            Assert.Equal(LinkKind.Weights, MessageLinks.Of(message));
    }

    [Fact]
    public void Stop_and_all_others_take_the_control_link()
    {
        foreach (var message in (ProtocolMessage[])[new StopMessage(1, 1), new CompletedMessage(1), new LoadedMessage(1), new ProbeMessage(TestViews.Id(1))])
            Assert.Equal(LinkKind.Control, MessageLinks.Of(message));
    }
}
