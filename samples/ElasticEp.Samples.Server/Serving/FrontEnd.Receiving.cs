namespace ElasticEp.Samples.Server.Serving;

/// <summary>What ranks send to the front end.</summary>
internal sealed partial class FrontEnd
{
    private void Receive(in GroupMessage message)
    {
        switch (message.Topic)
        {
            case ServingTopic.Tokens:
                foreach (var token in ReleasedToken.Decode(message.Payload))
                    Accept(message.Sender, token);
                break;
            case ServingTopic.Begun:
                foreach (var (request, owner) in RequestList.Decode(message.Payload))
                    OnBegun(request, owner);
                return;
            case ServingTopic.HandBack:
                TakeBack(message.Sender, RequestNotice.Decode(message.Payload));
                break;
            case ServingTopic.Failed:
                Fail(RequestNotice.Decode(message.Payload), ElasticEpErrorCode.StepFailed);
                break;
            case ServingTopic.ExpertsLost:
                Fail(RequestNotice.Decode(message.Payload), ElasticEpErrorCode.ExpertsLost);
                break;
            case ServingTopic.Report:
                if (RankReport.Decode(message.Payload) is { } report && group.View.Contains(message.Sender))
                    reports.Add(message.Sender.Rank, report);
                return;
            case ServingTopic.Leaving:
                SetLeaving(message.Sender, message.Payload.Length == sizeof(int) ? BitConverter.ToInt32(message.Payload.Span) : 0);
                break;
        }

        ConfirmLeavers();
        Assign();
    }

    private void OnBegun(long number, int owner)
    {
        lock (_lock)
        {
            if (_requests.TryGetValue(number, out var request) && request.Owner == owner)
                request.HasBegun = true;
        }
    }

    private void Accept(MemberId member, in ReleasedToken token)
    {
        lock (_lock)
        {
            if (!_requests.TryGetValue(token.Request, out var request) || request.Owner != token.Owner)
            {
                // Either the cancel is on its way, or it was lost with a link: the rank would run it to its end.
                if (token.Finish == FinishReason.None && group.View.Contains(member))
                    Send(member, ServingTopic.Cancel, new RequestNotice(token.Request, token.Owner, "").Encode());
                return;
            }

            if (token.Position < request.Released.Count)
                return;
            if (token.Position > request.Released.Count)
            {
                // A message was lost: what follows cannot be released. Another owner continues from what was.
                Send(request.Member!.Value, ServingTopic.Cancel, new RequestNotice(request.Number, request.Owner, "").Encode());
                Requeue(request);
                return;
            }

            request.LastSeenAt = time.GetTimestamp();
            (request.HasBegun, request.Losses, request.Crashes) = (true, 0, 0); // it is not what ended its rank
            if (request.LostAt != 0)
                metrics.Recoveries.OnReplayed(time.GetElapsedTime(request.LostAt));
            request.LostAt = 0;
            metrics.OnToken(request, request.Rank);
            request.Accept(token);
            Released++;
            if (request.IsFinished)
            {
                _requests.Remove(request.Number);
                metrics.OnEnd(request, request.Rank, token.Finish == FinishReason.Stop ? "stop" : "length");
                Place(request, null);
            }

            request.Release(token); // last: whoever has the last token finds its request counted
        }
    }

    private void TakeBack(MemberId member, in RequestNotice notice)
    {
        lock (_lock)
        {
            if (!_requests.TryGetValue(notice.Request, out var request) || request.Owner != notice.Owner || request.Member != member)
                return;
            if (request.Released.Count > 0)
            {
                request.HandBacks++;
                HandBacks++;
                metrics.OnPreempted(member.Rank);
            }

            LogHandedBack(request.Number, member, request.Released.Count);
            Requeue(request);
        }
    }

    private void Fail(in RequestNotice notice, ElasticEpErrorCode code)
    {
        lock (_lock)
        {
            if (!_requests.TryGetValue(notice.Request, out var request) || request.Owner != notice.Owner)
                return;
            _requests.Remove(notice.Request);
            metrics.OnEnd(request, request.Rank, "error");
            Place(request, null);
            request.Fail(new ElasticEpException(code, notice.Detail));
        }
    }

    private void SetLeaving(MemberId member, int leave)
    {
        lock (_lock)
        {
            _unconfirmed.Remove(member);
            if (leave > 0 && _unconfirmed.Add(member))
            {
                _leaving[member] = leave;
                _check.Set();
            }
            else
                _leaving.Remove(member);
        }
    }
}
