using ElasticEp.Samples.Serving.Messages;

namespace ElasticEp.Samples.Serving.FrontEnds;

/// <summary>What ranks send.</summary>
internal sealed partial class FrontEndCore
{
    /// <summary>A message of a rank, but for reports.</summary>
    /// <exception cref="FormatException">It is malformed.</exception>
    public void OnMessage(MemberId sender, int topic, ReadOnlyMemory<byte> payload, long now)
    {
        var member = _members.GetValueOrDefault(sender);
        member?.OnHeard(now);
        switch (topic)
        {
            case ServingTopic.Tokens:
                var (statement, tokens) = TokenMessage.Decode(payload);
                member?.OnStatement(statement);
                foreach (var token in tokens)
                    OnToken(sender, token, now);
                break;
            case ServingTopic.Begun:
                foreach (var (request, owner) in RequestList.Decode(payload))
                    OnBegun(request, owner, now);
                return;
            case ServingTopic.HandBack:
                OnHandedBack(sender, RequestNotice.Decode(payload));
                break;
            case ServingTopic.Failed:
                OnFailed(RequestNotice.Decode(payload), ElasticEpErrorCode.StepFailed);
                break;
            case ServingTopic.ExpertsLost:
                OnFailed(RequestNotice.Decode(payload), ElasticEpErrorCode.ExpertsLost);
                break;
            case ServingTopic.Leaving:
                OnLeaving(sender, payload.Length == sizeof(int) ? BitConverter.ToInt32(payload.Span) : throw new FormatException($"a leave of {payload.Length} bytes"));
                break;
            default:
                return;
        }

        ConfirmLeavers();
        Assign(now);
        Balance(now);
    }

    /// <summary>A member has sent a report.</summary>
    public void OnReport(MemberId member, RankReport report, long now)
    {
        if (!_members.TryGetValue(member, out var state))
            return;
        state.HasReported = true;
        state.OnHeard(now);
        observer.OnReport(member, report);
        Assign(now); // it may have been cut off
    }

    private void OnBegun(long number, int owner, long now)
    {
        if (!_requests.TryGetValue(number, out var request) || request.Owner != owner)
            return;
        request.HasBegun = true;
        if (request.BegunAt == 0)
            request.BegunAt = now;
    }

    private void OnToken(MemberId sender, in ReleasedToken token, long now)
    {
        if (!_requests.TryGetValue(token.Request, out var request) || request.Owner != token.Owner)
        {
            // Either the cancel is on its way, or it was lost with a link: the rank would run it to its end.
            if (token.Finish == FinishReason.None && _members.ContainsKey(sender))
                Send(sender, ServingTopic.Cancel, new RequestNotice(token.Request, token.Owner, "").Encode());
            return;
        }

        if (request.Member is not { } member || token.Position < request.Released.Count)
            return;
        if (token.Position > request.Released.Count)
        {
            // A message was lost: what follows cannot be released. Another owner continues from what was.
            Send(member, ServingTopic.Cancel, new RequestNotice(request.Number, request.Owner, "").Encode());
            Requeue(request);
            return;
        }

        Accept(request, member, token, now);
    }

    private void Accept(GenerationRequest request, MemberId member, in ReleasedToken token, long now)
    {
        request.LastSeenAt = now;
        request.HasBegun = true;
        request.Losses = request.Crashes = 0; // it is not what ended its rank
        if (request.LostAt != 0)
            observer.OnReplayed(time.GetElapsedTime(request.LostAt, now));
        request.LostAt = 0;
        observer.OnToken(request, member.Rank, now);
        request.Accept(token, now);
        _members[member].OnToken();
        Released++;
        if (token.Finish != FinishReason.None)
            Remove(request, token.Finish == FinishReason.Stop ? "stop" : "length");
        Deliveries.Add(new Delivery(request, token, null));
    }

    private void OnHandedBack(MemberId sender, in RequestNotice notice)
    {
        if (!_requests.TryGetValue(notice.Request, out var request) || request.Owner != notice.Owner || request.Member != sender)
            return;
        if (request.Released.Count > 0)
        {
            request.HandBacks++;
            HandBacks++;
            observer.OnPreempted(sender.Rank);
        }

        Taken.Add(new TakenRequest(request.Number, sender, request.Released.Count, IsLost: false));
        Requeue(request);
    }

    private void OnFailed(in RequestNotice notice, ElasticEpErrorCode code)
    {
        if (_requests.TryGetValue(notice.Request, out var request) && request.Owner == notice.Owner)
            Fail(request, new ElasticEpException(code, notice.Detail));
    }

    private void OnLeaving(MemberId sender, int leave)
    {
        if (!_members.TryGetValue(sender, out var member))
            return;
        member.Leave = leave;
        member.IsUnconfirmed = leave > 0;
        WantsCheck |= leave > 0;
    }
}
