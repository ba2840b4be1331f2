using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Tests.Serving.Simulation;

/// <summary>Counts.</summary>
internal sealed class SimObserver : IServingObserver
{
    public int Preemptions { get; private set; }

    public int Ended { get; private set; }

    public void OnToken(GenerationRequest request, int rank, long now)
    {
    }

    public void OnRejected(Rejection reason, int requests) => Assert.Fail($"{requests} requests were not taken: {reason}");

    public void OnPreempted(int rank) => Preemptions++;

    public void OnReplayed(TimeSpan after)
    {
    }

    public void OnEnd(GenerationRequest request, int rank, string reason) => Ended++;

    public void OnReport(MemberId member, RankReport report)
    {
    }

    public void OnGone(MemberId member)
    {
    }
}
