using ElasticEp.Samples.Serving.Messages;

namespace ElasticEp.Samples.Serving.Ranks;

/// <summary>Messages of front ends as events of a rank's core.</summary>
internal static class RankMessage
{
    /// <summary>Reads a message whole, so that nothing of it can fail later.</summary>
    /// <returns>What happens to the core; null for a topic that this version does not know.</returns>
    /// <exception cref="FormatException">It is malformed.</exception>
    public static Action<RankServingCore>? Read(in GroupMessage message)
    {
        var (frontEnd, payload) = (message.Sender, message.Payload);
        switch (message.Topic)
        {
            case ServingTopic.Assign:
                var assignment = Assignment.Decode(payload);
                return core => core.OnAssigned(frontEnd, assignment);
            case ServingTopic.Cancel:
                var notice = RequestNotice.Decode(payload);
                return core => core.OnCancelled(frontEnd, notice);
            case ServingTopic.Check:
                return core => core.OnChecked(frontEnd, RequestList.Decode(payload));
            case ServingTopic.Clear:
                var leave = payload.Length == sizeof(int) ? BitConverter.ToInt32(payload.Span) : throw new FormatException($"a confirmation of {payload.Length} bytes");
                return core => core.OnCleared(frontEnd, leave);
            case ServingTopic.LeavingCheck:
                return static core => core.OnAnnounce();
            default:
                return null;
        }
    }
}
