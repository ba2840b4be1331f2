using ElasticEp.Samples.Serving;
using ElasticEp.Samples.Serving.FrontEnds;
using ElasticEp.Samples.Serving.Messages;
using ElasticEp.Samples.Tests.Serving.Simulation;

namespace ElasticEp.Samples.Tests.Serving;

/// <summary>Members that only the front end cannot reach.</summary>
public sealed class FrontEndSilenceTests
{
    private static readonly MemberId Near = new(0, 1);
    private static readonly MemberId Far = new(1, 1);
    private static readonly ModelLimits Limits = new() { Pages = 100, PageSize = 16, Rows = 64, Sequences = 32, Positions = 1000 };

    private readonly SimClock _clock = new() { Now = 1_000_000 };
    private readonly FrontEndCore _core;
    private readonly GenerationRequest[] _requests = new GenerationRequest[4];

    public FrontEndSilenceTests()
    {
        _core = new FrontEndCore(new FrontEndOptions { Capacity = 100, Limits = Limits }, new NoObserver(), _clock);
        _core.OnView(1, [Near, Far], isTerminal: false, _clock.Now);
        for (var i = 0; i < _requests.Length; i++)
            _requests[i] = Submit();
        Assert.Equal(2, CountAt(Far));
    }

    [Fact]
    public void Requests_of_a_member_that_does_not_answer_go_to_another_one()
    {
        Check(seconds: 4, Near);
        Assert.Equal((4, 0), (CountAt(Near), CountAt(Far)));
        var (member, requests, _) = Assert.Single(_core.Unanswering);
        Assert.Equal((Far, 2), (member, requests));
        Assert.Equal(Near, Submit().Member); // it gets no new ones either
        Assert.Equal(2, _core.Outgoing.Count(message => message.Receiver == Far && message.Topic == ServingTopic.Cancel));
    }

    [Fact]
    public void It_gets_requests_again_when_it_answers_and_what_it_computed_meanwhile_is_not_taken()
    {
        var moved = _requests.Single(request => request.Number == _requests.Where(other => other.Member == Far).Max(other => other.Number));
        Check(seconds: 4, Near);
        _core.OnMessage(Far, ServingTopic.Report, default, _clock.Now);
        Assert.Equal(Far, Submit().Member);
        _core.OnMessage(Far, ServingTopic.Tokens, TokenMessage.Encode(new RankStatement(1, 90, 30, 0, 0), [new ReleasedToken(moved.Number, 1, 0, 77, FinishReason.None)]), _clock.Now);
        Assert.Empty(moved.Released);
    }

    [Fact]
    public void A_member_that_only_reports_keeps_its_requests_while_the_group_stands_still()
    {
        Check(seconds: 30, Near, Far);
        Assert.Equal((2, 2), (CountAt(Near), CountAt(Far)));
    }

    [Fact]
    public void Nobody_is_moved_when_nobody_answers()
    {
        Check(seconds: 30);
        Assert.Equal((2, 2), (CountAt(Near), CountAt(Far)));
    }

    [Fact]
    public void A_front_end_that_stood_still_itself_judges_nobody()
    {
        Check(seconds: 2, Near, Far);
        _clock.Now += 10_000; // what they sent meanwhile is not read yet
        _core.OnCheckDue(_clock.Now);
        _core.OnMessage(Near, ServingTopic.Report, default, _clock.Now);
        Assert.Equal((2, 2), (CountAt(Near), CountAt(Far)));
    }

    private GenerationRequest Submit()
    {
        Assert.Null(_core.Reserve(1));
        return _core.Submit([1], new GenerationOptions(8, SamplingSettings.Greedy, true), _clock.Now);
    }

    private int CountAt(MemberId member) => _requests.Count(request => request.Member == member);

    /// <summary>Checks come due once a second; those who answer do so at once.</summary>
    private void Check(int seconds, params MemberId[] answering)
    {
        for (var i = 0; i < seconds; i++)
        {
            _clock.Now += 1000;
            _core.OnCheckDue(_clock.Now);
            foreach (var message in _core.Outgoing.Where(message => message.Topic == ServingTopic.Check && message.Payload.IsEmpty && answering.Contains(message.Receiver)).ToArray())
                _core.OnMessage(message.Receiver, ServingTopic.Report, default, _clock.Now);
        }
    }
}
