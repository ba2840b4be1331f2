using Microsoft.Extensions.Logging;

namespace ElasticEp.Samples.Server.Serving;

/// <summary>
/// Owns every request. It gives each to the rank with the fewest, accepts each (request, position) once and only from the present
/// owner, and gives a request to another rank when its own hands it back or is lost. One lock guards its state; messages
/// are sent outside of it.
/// </summary>
internal sealed partial class FrontEnd(IElasticGroupClient group, int capacity, ILogger<FrontEnd> logger) : BackgroundService
{
    private static readonly TimeSpan CheckPeriod = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<long, GenerationRequest> _requests = [];
    private readonly LinkedList<GenerationRequest> _queue = [];
    private readonly Dictionary<int, int> _leaving = []; // rank → number of its leave
    private readonly HashSet<int> _unconfirmed = []; // leaving ranks that still wait for our word
    private readonly Dictionary<int, int> _load = []; // rank → requests that it has
    private readonly HashSet<int> _unreached = []; // ranks that could not be sent to since the last check
    private readonly HashSet<int> _heard = []; // ranks that have said something since the last check
    private Outbox? _outbox;
    private Exception? _end;
    private long _numbers;

    /// <summary>Requests that were handed back in the middle, since the start.</summary>
    public long HandBacks { get; private set; }

    /// <summary>Tokens that were released to clients, since the start.</summary>
    public long Released { get; private set; }

    /// <summary>Requests that are queued or running.</summary>
    public int Outstanding
    {
        get
        {
            lock (_lock)
                return _requests.Count;
        }
    }

    /// <summary>Queues a request.</summary>
    /// <returns>Null when the queue is full; a failed one when nobody serves any more.</returns>
    public GenerationRequest? Submit(int[] prompt, GenerationOptions options)
    {
        GenerationRequest request;
        lock (_lock)
        {
            if (_requests.Count >= capacity)
                return null;
            request = new GenerationRequest(++_numbers, prompt, options);
            if (_end is not null)
            {
                request.Fail(_end);
                return request;
            }

            _requests.Add(request.Number, request);
            _queue.AddLast(request);
        }

        Assign();
        return request;
    }

    /// <summary>Nobody waits for the request any more.</summary>
    public void Cancel(GenerationRequest request)
    {
        int rank;
        lock (_lock)
        {
            if (!_requests.Remove(request.Number))
                return;
            _queue.Remove(request);
            rank = request.Rank;
            Place(request, -1);
        }

        if (rank >= 0)
            Send(rank, ServingTopic.Cancel, new RequestNotice(request.Number, request.Owner, "").Encode());
        ConfirmLeavers();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var views = FollowViewsAsync(stoppingToken);
        var checks = CheckAsync(stoppingToken);
        try
        {
            await foreach (var message in group.Messenger.ReadAllAsync(stoppingToken))
                Receive(message);
            await views;
            await checks;
        }
        catch (OperationCanceledException)
        {
            // the host stops
        }

        End(new ElasticEpException(ElasticEpErrorCode.GroupEnded, "The server is stopping."));
    }

    /// <summary>Nobody serves any more.</summary>
    private void End(Exception reason)
    {
        lock (_lock)
        {
            _end ??= reason;
            foreach (var request in _requests.Values)
                request.Fail(reason);
            _requests.Clear();
            _queue.Clear();
            _load.Clear();
        }
    }

    /// <summary>A rank that has requests and says nothing is asked for them: a message may have been lost with a link.</summary>
    private async Task CheckAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(CheckPeriod);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            Dictionary<int, List<(long, int)>> quiet = [];
            lock (_lock)
            {
                foreach (var request in _requests.Values.Where(request => request.Rank >= 0 && !_heard.Contains(request.Rank)))
                {
                    if (!quiet.TryGetValue(request.Rank, out var list))
                        quiet[request.Rank] = list = [];
                    list.Add((request.Number, request.Owner));
                }

                _heard.Clear();
                _unreached.Clear();
            }

            foreach (var (rank, requests) in quiet)
                Send(rank, ServingTopic.Check, RequestList.Encode(requests));
        }
    }

    private async Task FollowViewsAsync(CancellationToken stoppingToken)
    {
        await foreach (var view in group.Views.WithCancellation(stoppingToken))
        {
            lock (_lock)
            {
                foreach (var gone in _leaving.Keys.Where(rank => !view.Contains(rank)).ToArray())
                    _leaving.Remove(gone);
                foreach (var request in _requests.Values.Where(request => request.Rank >= 0 && !view.Contains(request.Rank)).ToArray())
                    TakeFromLostRank(request);
            }

            if (view.IsTerminal)
                End(new ElasticEpException(ElasticEpErrorCode.GroupEnded, "The group has ended."));
            ConfirmLeavers();
            Assign();
        }
    }

    private void TakeFromLostRank(GenerationRequest request)
    {
        LogLost(request.Number, request.Rank);
        if (++request.Crashes < 2)
        {
            Requeue(request);
            return;
        }

        _requests.Remove(request.Number);
        Place(request, -1);
        request.Fail(new ElasticEpException(ElasticEpErrorCode.PeerLost, "The request was running on two ranks that were lost; it is not tried a third time."));
    }

    private void Receive(in GroupMessage message)
    {
        lock (_lock)
            _heard.Add(message.Sender);
        switch (message.Topic)
        {
            case ServingTopic.Tokens:
                foreach (var token in ReleasedToken.Decode(message.Payload))
                    Accept(token);
                break;
            case ServingTopic.HandBack:
                TakeBack(message.Sender, RequestNotice.Decode(message.Payload));
                break;
            case ServingTopic.Failed:
                Fail(RequestNotice.Decode(message.Payload));
                break;
            case ServingTopic.Leaving:
                SetLeaving(message.Sender, message.Payload.Length == sizeof(int) ? BitConverter.ToInt32(message.Payload.Span) : 0);
                break;
        }

        ConfirmLeavers();
        Assign();
    }

    private void Accept(in ReleasedToken token)
    {
        lock (_lock)
        {
            if (!_requests.TryGetValue(token.Request, out var request) || request.Owner != token.Owner || token.Position < request.Released.Count)
                return;
            if (token.Position > request.Released.Count)
            {
                // A message was lost: what follows cannot be released. Another owner continues from what was.
                Requeue(request);
                return;
            }

            request.Release(token.Token, token.Finish);
            Released++;
            if (!request.IsFinished)
                return;
            _requests.Remove(request.Number);
            Place(request, -1);
        }
    }

    private void TakeBack(int rank, in RequestNotice notice)
    {
        lock (_lock)
        {
            if (!_requests.TryGetValue(notice.Request, out var request) || request.Owner != notice.Owner || request.Rank != rank)
                return;
            if (request.Released.Count > 0)
            {
                request.HandBacks++;
                HandBacks++;
            }

            LogHandedBack(request.Number, rank, request.Released.Count);
            Requeue(request);
        }
    }

    private void Fail(in RequestNotice notice)
    {
        lock (_lock)
        {
            if (!_requests.TryGetValue(notice.Request, out var request) || request.Owner != notice.Owner)
                return;
            _requests.Remove(notice.Request);
            Place(request, -1);
            request.Fail(new ElasticEpException(ElasticEpErrorCode.StepFailed, notice.Detail));
        }
    }

    private void SetLeaving(int rank, int leave)
    {
        lock (_lock)
        {
            _unconfirmed.Remove(rank);
            if (leave > 0 && _unconfirmed.Add(rank))
                _leaving[rank] = leave;
            else
                _leaving.Remove(rank);
        }
    }

    private void Requeue(GenerationRequest request)
    {
        Place(request, -1);
        _queue.AddFirst(request); // it has waited longest
    }

    /// <summary>The request is at this rank now, or at none.</summary>
    private void Place(GenerationRequest request, int rank)
    {
        if (request.Rank >= 0)
            _load[request.Rank] = _load.GetValueOrDefault(request.Rank) - 1;
        request.Rank = rank;
        if (rank >= 0)
            _load[rank] = _load.GetValueOrDefault(rank) + 1;
    }

    [LoggerMessage(3001, LogLevel.Information, "Request {Request} was handed back by rank {Rank} after {Tokens} tokens")]
    private partial void LogHandedBack(long request, int rank, int tokens);

    [LoggerMessage(3002, LogLevel.Warning, "Request {Request} ran on rank {Rank}, which is gone; it goes to another rank")]
    private partial void LogLost(long request, int rank);

    [LoggerMessage(3003, LogLevel.Warning, "Message {Topic} to rank {Rank} was not sent: {Reason}")]
    private partial void LogNotSent(int rank, int topic, string reason);
}
