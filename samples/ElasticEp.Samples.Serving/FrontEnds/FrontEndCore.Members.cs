using ElasticEp.Samples.Serving.Messages;

namespace ElasticEp.Samples.Serving.FrontEnds;

/// <summary>Who is a member, who gets requests, who is checked. Ranks do not know each other's plans: balance comes from here.</summary>
internal sealed partial class FrontEndCore
{
    private const double MostCost = 1.25; // of the mean; above it requests are moved

    /// <summary>How long a request may be without news until its rank is asked for it.</summary>
    public static readonly TimeSpan CheckPeriod = TimeSpan.FromSeconds(1);

    /// <summary>How long a member may leave a request for a report unanswered, and send nothing else, until its requests go to others.</summary>
    public static readonly TimeSpan SilenceTime = TimeSpan.FromSeconds(2.5);

    private long _epoch;
    private long _checkedAt;

    /// <summary>Members that can be given requests.</summary>
    private IEnumerable<MemberState> Staying => _members.Values.Where(static member => member is { Leave: 0, IsCutOff: false });

    /// <summary>The group has another view.</summary>
    /// <param name="epoch">Its number.</param>
    /// <param name="members">Its members.</param>
    /// <param name="isTerminal">Whether the group has ended.</param>
    /// <param name="now">Timestamp.</param>
    public void OnView(long epoch, IReadOnlyCollection<MemberId> members, bool isTerminal, long now)
    {
        _epoch = epoch;
        foreach (var gone in _members.Values.Where(member => !members.Contains(member.Id)).ToArray())
        {
            foreach (var request in gone.Requests.Values.ToArray())
                TakeFromLost(request, gone.Id, now);
            _members.Remove(gone.Id);
            Gone.Add(gone.Id);
            observer.OnGone(gone.Id);
        }

        foreach (var member in members)
        {
            _members.TryAdd(member, new MemberState(member, options, now));
            _knownRanks.Add(member.Rank);
        }

        if (isTerminal)
            End(new ElasticEpException(ElasticEpErrorCode.GroupEnded, "The group has ended."));
        WantsCheck = true;
        ConfirmLeavers();
        Assign(now);
        Balance(now);
    }

    /// <summary>
    /// A check period has passed. A request without news is checked, as a message about it may have been lost with a link; so is a member
    /// that has not reported, or that leaves: it may have said since that it stays. Another check is wanted while there is anything to check.
    /// </summary>
    public void OnCheckDue(long now)
    {
        GiveUpOld(now);
        WantsCheck = _requests.Count > 0;
        MoveFromSilent(now);
        foreach (var member in _members.Values)
        {
            member.IsUnreached = false;
            RequestReport(member, now);
            (long, int)[] silent = [.. member.Requests.Values.Where(request => time.GetElapsedTime(request.LastSeenAt, now) >= CheckPeriod).Select(request => (request.Number, request.Owner))];
            if (silent.Length > 0)
                Send(member.Id, ServingTopic.Check, RequestList.Encode(silent));
            if (member.Leave != 0)
                Send(member.Id, ServingTopic.LeavingCheck, ReadOnlyMemory<byte>.Empty);
            WantsCheck |= !member.HasReported || member.Leave != 0;
        }

        ConfirmLeavers();
        Assign(now); // who was given up may have been in the way of others
    }

    /// <summary>
    /// A member that does not answer is one that only this process cannot reach: had it died, a view without it would have come. It stays a member, what it
    /// sends later of an old assignment is not accepted, and it gets requests again when it is heard of. Where nobody answers, nobody would do better.
    /// </summary>
    private void MoveFromSilent(long now)
    {
        var isLate = time.GetElapsedTime(_checkedAt, now) > 2 * CheckPeriod; // this process stood still, or had nothing to check: what was sent meanwhile is not read yet
        _checkedAt = now;
        if (isLate)
        {
            foreach (var member in _members.Values)
                member.OnHeard(now);
            return;
        }

        var silent = _members.Values.Where(member => member is { AskedAt: not 0, IsCutOff: false } && time.GetElapsedTime(member.AskedAt, now) >= CheckPeriod && time.GetElapsedTime(member.HeardAt, now) >= SilenceTime).ToArray();
        if (!Staying.Except(silent).Any())
            return;
        foreach (var member in silent)
        {
            member.IsCutOff = true;
            Unanswering.Add(new UnansweringMember(member.Id, member.Requests.Count, time.GetElapsedTime(member.HeardAt, now)));
            foreach (var request in member.Requests.Values.ToArray())
            {
                if (request.Released.Count > 0)
                    observer.OnPreempted(member.Id.Rank);
                request.LostAt = request.LostAt == 0 ? now : request.LostAt;
                Send(member.Id, ServingTopic.Cancel, new RequestNotice(request.Number, request.Owner, "").Encode());
                Requeue(request);
            }
        }
    }

    /// <summary>A report does not wait for a step, so that whoever serves answers also while the group stands still.</summary>
    private void RequestReport(MemberState member, long now)
    {
        if (member.HasReported && (time.GetElapsedTime(member.HeardAt, now) < CheckPeriod / 2 || (member.Requests.Count == 0 && !member.IsCutOff)))
            return;
        Send(member.Id, ServingTopic.Check, ReadOnlyMemory<byte>.Empty); // also shows it where to report
        member.OnAsked(now);
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
        if (!_requests.TryGetValue(assignment.Request, out var request) || request.Owner != assignment.Owner || request.Member != receiver)
            return;
        Send(receiver, ServingTopic.Cancel, new RequestNotice(assignment.Request, assignment.Owner, "").Encode()); // it may have come all the same
        Requeue(request);
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

    /// <summary>
    /// Gives out what is queued, the oldest first, each to the member with the least outstanding work that has room, else to one where it may wait.
    /// What no member has room for stays here, where a member that joins can get it.
    /// </summary>
    public void Assign(long now)
    {
        while (true)
        {
            AssignChoosing(now);
            if (_queue.Min is not { } request || Staying.Where(member => member.CanTake(request)).MinBy(member => (member.IsUnreached, !member.Fits(request), Load(member))) is not { } member)
                return;
            _queue.Remove(request);
            Give(request, member, now);
        }
    }

    /// <summary>Whether a rank is a member or was one. Until there is a view every one may be.</summary>
    public bool HasKnown(int rank) => _knownRanks.Count == 0 || _knownRanks.Contains(rank);

    /// <summary>
    /// Gives those to the rank they name that are older than what is queued; they take nobody's turn. Where that rank leaves or is no member, any other will do.
    /// </summary>
    private void AssignChoosing(long now)
    {
        if (_choosing.Count == 0 || _members.Count == 0)
            return;
        foreach (var request in _choosing.ToArray())
        {
            var member = Staying.FirstOrDefault(member => member.Id.Rank == request.Options.FirstRank);
            if (member is null)
            {
                _choosing.Remove(request);
                _queue.Add(request);
            }
            else if (member.CanTake(request) && !(_queue.Min?.Number < request.Number))
            {
                _choosing.Remove(request);
                Give(request, member, now);
            }
        }
    }

    /// <summary>
    /// When nothing is queued and a step of a member costs more than 1.25 times the mean, its youngest requests go to members with less, each at
    /// most once in a view: what they have computed is computed again.
    /// </summary>
    private void Balance(long now)
    {
        if (_queue.Count > 0 || _members.Count < 2 || Staying.Count() < 2)
            return;
        var mean = Staying.Average(static member => member.StepCost);
        foreach (var member in Staying.Where(member => member.StepCost > MostCost * mean).ToArray())
        {
            foreach (var request in member.Requests.Values.Where(request => request.MovedIn != _epoch && !BeginsHere(request)).Reverse().ToArray())
            {
                var cost = member.StepCostOf(request);
                var target = Staying.Where(other => other != member && other.Fits(request)).MinBy(static other => other.StepCost);
                if (target is null || member.StepCost <= mean || target.StepCost + cost >= member.StepCost - (cost / 2))
                    break; // the two would change places
                Move(request, target, now);
            }
        }
    }

    /// <summary>Whether a request is on the rank that it is to begin on, and has not.</summary>
    private static bool BeginsHere(GenerationRequest request) => request.BegunAt == 0 && request.Options.FirstRank == request.Rank;

    private void Move(GenerationRequest request, MemberState target, long now)
    {
        if (request.Released.Count > 0)
            observer.OnPreempted(request.Rank);
        Send(request.Member!.Value, ServingTopic.Cancel, new RequestNotice(request.Number, request.Owner, "").Encode());
        Requeue(request);
        _queue.Remove(request);
        request.MovedIn = _epoch;
        Give(request, target, now);
    }

    private void Give(GenerationRequest request, MemberState member, long now)
    {
        var number = member.Add(request);
        request.Member = member.Id;
        request.LastSeenAt = now;
        Send(member.Id, ServingTopic.Assign, new Assignment(request.Number, request.Owner, request.Prompt, [.. request.Released], request.Options) { Number = number }.Encode());
    }
}
