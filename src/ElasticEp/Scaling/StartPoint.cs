using ElasticEp.Protocol;
using ElasticEp.Steps;

namespace ElasticEp.Scaling;

/// <summary>The step that a recovery starts with (rule 5). Pure.</summary>
internal static class StartPoint
{
    /// <summary>
    /// How far a group may have gone on since its newest view was committed. Whoever knows how far it has gone may be lost, and joiners
    /// that begin without them must use no step again.
    /// </summary>
    public const long MostAhead = 1 << 20;

    /// <summary>
    /// One after the lowest step that a kept member has closed: whoever completed a step, lost or not, had every StepEnd of it, so every
    /// kept member has closed it, and no completed step runs again. Who entered no view does not count. A leaver stays where it left: it
    /// does not count once somebody has gone on without it, unless nobody else knows.
    /// </summary>
    /// <param name="record">The highest durable record.</param>
    /// <param name="answers">All answers to Stop, also of members that were lost since: they are evidence.</param>
    /// <param name="isLost">Who does not count.</param>
    /// <param name="rules">The rules.</param>
    public static long Of(GroupRecord record, IReadOnlyDictionary<MemberId, StoppedMessage> answers, Func<MemberId, bool> isLost, StepRules rules)
    {
        var isGoneOn = answers.Any(answer => HasGoneOn(record, answer.Key, answer.Value));
        var kept = answers.Where(answer => !isLost(answer.Key) && answer.Value.Closed is not null).ToArray();
        var members = kept.Where(answer => record.View.Contains(answer.Key)).Select(answer => answer.Value.Closed!.Value).ToArray();
        var leavers = kept.Where(answer => !record.View.Contains(answer.Key)).Select(answer => answer.Value.Closed!.Value).ToArray();
        var counted = members.Length == 0 ? leavers : rules.LeaverCounts(isGoneOn) ? [.. members, .. leavers] : members;
        var haveOthersRun = record is { View.BeginsWithStart: false, LastCompleted.Epoch: > 0 };
        var floor = counted.Length == 0 && haveOthersRun ? record.CommitStep + MostAhead : Math.Max(1, record.View.StartStep);
        return counted.Length == 0 ? floor : Math.Max(floor, rules.StartStep(counted));
    }

    /// <summary>Whether an answer proves that the group has gone on to a view after the last Completed one: a joiner may have been let in alone, but cannot close a step alone.</summary>
    private static bool HasGoneOn(GroupRecord record, MemberId member, StoppedMessage answer)
    {
        if (record.LastCompleted is not { } completed)
            return false;
        return answer.ClosedEpoch > completed.Epoch || (completed.Contains(member) && answer.Entered > completed.Epoch);
    }
}
