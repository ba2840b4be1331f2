using ElasticEp.Samples.Serving.Messages;

namespace ElasticEp.Samples.Serving.FrontEnds;

/// <summary>Who is a member, who gets requests, who is checked.</summary>
internal sealed partial class FrontEndCore
{
    /// <summary>How long a request may be without news until its rank is asked for it.</summary>
    public static readonly TimeSpan CheckPeriod = TimeSpan.FromSeconds(1);

    /// <summary>The group has another view.</summary>
    /// <param name="members">Its members.</param>
    /// <param name="isTerminal">Whether the group has ended.</param>
    /// <param name="now">Timestamp.</param>
    public void OnView(IReadOnlyCollection<MemberId> members, bool isTerminal, long now)
    {
        foreach (var gone in _members.Values.Where(member => !members.Contains(member.Id)).ToArray())
        {
            foreach (var request in gone.Requests.Values.ToArray())
                TakeFromLost(request, gone.Id, now);
            _members.Remove(gone.Id);
            Gone.Add(gone.Id);
            observer.OnGone(gone.Id);
        }

        foreach (var member in members)
            _members.TryAdd(member, new MemberState(member));
        if (isTerminal)
            End(new ElasticEpException(ElasticEpErrorCode.GroupEnded, "The group has ended."));
        WantsCheck = true;
        ConfirmLeavers();
        Assign(now);
    }

    /// <summary>
    /// A check period has passed. A request without news is checked, as a message about it may have been lost with a link; so is a member
    /// that has not reported, or that leaves: it may have said since that it stays. Another check is wanted while there is anything to check.
    /// </summary>
    public void OnCheckDue(long now)
    {
        WantsCheck = _requests.Count > 0;
        foreach (var member in _members.Values)
        {
            member.IsUnreached = false;
            (long, int)[] silent = [.. member.Requests.Values.Where(request => time.GetElapsedTime(request.LastSeenAt, now) >= CheckPeriod).Select(request => (request.Number, request.Owner))];
            if (silent.Length > 0 || !member.HasReported)
                Send(member.Id, ServingTopic.Check, RequestList.Encode(silent)); // also shows it where to report
            if (member.Leave != 0)
                Send(member.Id, ServingTopic.LeavingCheck, ReadOnlyMemory<byte>.Empty);
            WantsCheck |= !member.HasReported || member.Leave != 0;
        }
    }

    /// <summary>A message could not be sent.</summary>
    public void OnNotSent(MemberId receiver, int topic, ReadOnlyMemory<byte> payload)
    {
        if (topic != ServingTopic.Assign)
            return;
        WantsCheck = true;
        if (_members.TryGetValue(receiver, out var member))
            member.IsUnreached = true;
        var assignment = Assignment.Decode(payload);
        if (_requests.TryGetValue(assignment.Request, out var request) && request.Owner == assignment.Owner && request.Member == receiver)
            Requeue(request);
    }

    /// <summary>Gives out what is queued, to the member with the fewest requests.</summary>
    public void Assign(long now)
    {
        while (_queue.Count > 0 && _members.Values.Where(member => member.Leave == 0).MinBy(member => (member.IsUnreached, member.Requests.Count)) is { } member)
        {
            var request = _queue.First().Value;
            _queue.Remove(request.Number);
            Place(request, member);
            request.LastSeenAt = now;
            if (request.AssignedAt == 0)
                request.AssignedAt = now;
            Send(member.Id, ServingTopic.Assign, new Assignment(request.Number, request.Owner, request.Prompt, [.. request.Released], request.Options).Encode());
        }
    }

    private void ConfirmLeavers()
    {
        foreach (var member in _members.Values)
        {
            if (!member.IsUnconfirmed || member.Requests.Count > 0)
                continue;
            member.IsUnconfirmed = false; // it reports again if the confirmation is lost
            Send(member.Id, ServingTopic.Clear, BitConverter.GetBytes(member.Leave));
        }
    }

    private void TakeFromLost(GenerationRequest request, MemberId member, long now)
    {
        Taken.Add(new TakenRequest(request.Number, member, request.Released.Count, IsLost: true));
        if (request.Released.Count > 0)
            observer.OnPreempted(member.Rank);
        request.Losses++;
        request.Crashes += request.HasBegun ? 1 : 0; // else another loss, or the same recovery, took a rank that had not run it yet
        if (request.Crashes < MostCrashes && request.Losses < MostLosses)
        {
            request.LostAt = request.LostAt == 0 ? now : request.LostAt;
            Requeue(request);
            return;
        }

        Fail(request, new ElasticEpException(
            ElasticEpErrorCode.PeerLost,
            $"The rank of the request was lost {request.Losses} times in a row without a token from it in between, {request.Crashes} of them in a step with it{(request.Crashes > 0 ? ", which may be what ends them" : "")}; it is not tried again."));
    }
}
