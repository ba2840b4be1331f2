using ElasticEp.Samples.Server.Elastic;
using ElasticEp.Samples.Server.Metrics;

namespace ElasticEp.Samples.Server.Serving;

/// <summary>
/// Owns every request. It gives each to the rank with the fewest, accepts each (request, position) once and only from the present
/// owner, and gives a request to another rank when its own hands it back or is lost. One lock guards its state; messages
/// are sent outside of it.
/// </summary>
internal sealed partial class FrontEnd(
    IElasticGroupClient group, int capacity, ServingMetrics metrics, RankReports reports, TimeProvider time, ILogger<FrontEnd> logger) : BackgroundService
{
    private const int MostCrashes = 2; // then the request is what ends its ranks
    private const int MostLosses = 5; // the word that a rank has begun with it may be lost with the rank

    private static readonly TimeSpan CheckPeriod = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<long, GenerationRequest> _requests = [];
    private readonly LinkedList<GenerationRequest> _queue = [];
    private readonly Dictionary<MemberId, int> _leaving = []; // member → number of its leave
    private readonly HashSet<MemberId> _unconfirmed = []; // leaving members that still wait for a confirmation
    private readonly Dictionary<MemberId, int> _load = []; // member → requests that it has
    private readonly HashSet<MemberId> _unreached = []; // members that could not be sent to since the last check
    private readonly PacedSignal _check = new(CheckPeriod, time);
    private Outbox? _outbox;
    private Exception? _end;
    private long _numbers;

    /// <summary>Requests that were handed back in the middle, since the start.</summary>
    public long HandBacks { get; private set; }

    /// <summary>Tokens that were released to clients, since the start.</summary>
    public long Released { get; private set; }

    /// <summary>Most requests that are queued or running.</summary>
    public int Capacity => capacity;

    /// <summary>Requests that are queued or running.</summary>
    public int Outstanding
    {
        get
        {
            lock (_lock)
                return _requests.Count;
        }
    }

    /// <summary>Requests that no rank has.</summary>
    public int Queued
    {
        get
        {
            lock (_lock)
                return _queue.Count;
        }
    }

    /// <summary>Whether a member has reported that it leaves.</summary>
    public bool IsLeaving(MemberId member)
    {
        lock (_lock)
            return _leaving.ContainsKey(member);
    }

    /// <summary>Queues a request.</summary>
    /// <returns>Null when the queue is full; a failed one when nobody serves any more.</returns>
    public GenerationRequest? Submit(int[] prompt, GenerationOptions options) => Submit([(prompt, options)])?[0];

    /// <summary>Queues all requests of one call, or none.</summary>
    /// <returns>Null when the queue has no room for all of them; failed ones when nobody serves any more.</returns>
    public GenerationRequest[]? Submit(IReadOnlyList<(int[] Prompt, GenerationOptions Options)> calls)
    {
        var requests = new GenerationRequest[calls.Count];
        lock (_lock)
        {
            if (_requests.Count + calls.Count > capacity)
                return null;
            for (var i = 0; i < requests.Length; i++)
            {
                requests[i] = new GenerationRequest(++_numbers, calls[i].Prompt, calls[i].Options, time.GetTimestamp());
                if (_end is not null)
                {
                    requests[i].Fail(_end);
                    continue;
                }

                _requests.Add(requests[i].Number, requests[i]);
                _queue.AddLast(requests[i]);
            }
        }

        _check.Set();
        Assign();
        return requests;
    }

    /// <summary>Nobody waits for the request any more.</summary>
    /// <param name="request">The request; nothing happens when it has ended.</param>
    /// <param name="reason">stop when the text has all that was wanted, abort when the client has gone.</param>
    public void Cancel(GenerationRequest request, string reason)
    {
        MemberId? member;
        lock (_lock)
        {
            if (!_requests.Remove(request.Number))
                return;
            _queue.Remove(request);
            metrics.OnEnd(request, request.Rank, reason);
            member = request.Member;
            Place(request, null);
        }

        if (member is { } owner)
            Send(owner, ServingTopic.Cancel, new RequestNotice(request.Number, request.Owner, "").Encode());
        ConfirmLeavers();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await await Task.WhenAny(FollowViewsAsync(stoppingToken), CheckAsync(stoppingToken), ReadMessagesAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // the host stops
        }

        StopServing();
    }

    /// <summary>Requests that run fail, and so does each that comes.</summary>
    public void StopServing() => End(new ElasticEpException(ElasticEpErrorCode.GroupEnded, "The server is stopping."));

    /// <summary>Nobody serves any more.</summary>
    private void End(Exception reason)
    {
        lock (_lock)
        {
            _end ??= reason;
            foreach (var request in _requests.Values)
            {
                metrics.OnEnd(request, request.Rank, "error");
                request.Fail(reason);
            }

            _requests.Clear();
            _queue.Clear();
            _load.Clear();
        }
    }

    private async Task ReadMessagesAsync(CancellationToken stoppingToken)
    {
        await foreach (var message in group.Messenger.ReadAllAsync(stoppingToken))
        {
            try
            {
                Receive(message);
            }
            catch (Exception exception) when (exception is FormatException or System.Text.Json.JsonException)
            {
                LogMalformed(message.Topic, message.Sender, exception.Message);
            }
        }
    }

    private async Task FollowViewsAsync(CancellationToken stoppingToken)
    {
        MemberId[] members = [];
        await foreach (var view in group.Views.WithCancellation(stoppingToken))
        {
            lock (_lock)
            {
                foreach (var gone in _leaving.Keys.Where(member => !view.Contains(member)).ToArray())
                    _leaving.Remove(gone);
                _unconfirmed.RemoveWhere(member => !view.Contains(member));
                foreach (var gone in members.Where(member => !view.Contains(member)))
                {
                    reports.Remove(gone.Rank);
                    _outbox?.Close(gone);
                }

                members = [.. view.Members.Select(member => member.Id)];
                foreach (var request in _requests.Values.Where(request => request.Member is { } member && !view.Contains(member)).ToArray())
                    TakeFromLostMember(request);
            }

            if (view.IsTerminal)
                End(new ElasticEpException(ElasticEpErrorCode.GroupEnded, "The group has ended."));
            _check.Set();
            ConfirmLeavers();
            Assign();
        }
    }

    private void TakeFromLostMember(GenerationRequest request)
    {
        LogLost(request.Number, request.Member!.Value);
        if (request.Released.Count > 0)
            metrics.OnPreempted(request.Rank);
        request.Losses++;
        request.Crashes += request.HasBegun ? 1 : 0; // else another loss, or the same recovery, took a rank that had not run it yet
        if (request.Crashes < MostCrashes && request.Losses < MostLosses)
        {
            request.LostAt = request.LostAt == 0 ? time.GetTimestamp() : request.LostAt;
            Requeue(request);
            return;
        }

        _requests.Remove(request.Number);
        metrics.OnEnd(request, request.Rank, "error");
        Place(request, null);
        request.Fail(new ElasticEpException(ElasticEpErrorCode.PeerLost,
            $"The rank of the request was lost {request.Losses} times in a row without a token from it in between, {request.Crashes} of them in a step with it{(request.Crashes > 0 ? ", which may be what ends them" : "")}; it is not tried again."));
    }

    private void Requeue(GenerationRequest request)
    {
        Place(request, null);
        request.Owner++;
        request.HasBegun = false;
        _queue.AddFirst(request); // it has waited longest
    }

    /// <summary>The request is at this member now, or at none.</summary>
    private void Place(GenerationRequest request, MemberId? member)
    {
        if (request.Member is { } before && _load.GetValueOrDefault(before) is var load && (_load[before] = load - 1) <= 0)
            _load.Remove(before);
        request.Member = member;
        if (member is { } owner)
            _load[owner] = _load.GetValueOrDefault(owner) + 1;
    }

    [LoggerMessage(3001, LogLevel.Information, "Request {Request} was handed back by {Member} after {Tokens} tokens")]
    private partial void LogHandedBack(long request, MemberId member, int tokens);

    [LoggerMessage(3002, LogLevel.Warning, "Request {Request} ran on {Member}, which is gone; it goes to another one")]
    private partial void LogLost(long request, MemberId member);

    [LoggerMessage(3004, LogLevel.Warning, "A message {Topic} of {Member} is malformed and was dropped: {Reason}")]
    private partial void LogMalformed(int topic, MemberId member, string reason);

    [LoggerMessage(EventId = 3003, Message = "Message {Topic} to {Member} was not sent: {Reason}")]
    private partial void LogNotSent(LogLevel level, MemberId member, int topic, string reason);
}
