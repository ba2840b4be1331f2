using Microsoft.Extensions.Logging;

namespace ElasticEp.Samples.Server.Serving;

/// <summary>
/// Owns every request. It gives each to the rank with the fewest, accepts each (request, position) once and only from the present
/// owner, and gives a request to another rank when its own hands it back or is lost. One lock guards its state; messages
/// are sent outside of it.
/// </summary>
internal sealed partial class FrontEnd(IElasticGroupClient group, int capacity, ILogger<FrontEnd> logger) : BackgroundService
{
    private readonly Lock _lock = new();
    private readonly Dictionary<long, GenerationRequest> _requests = [];
    private readonly LinkedList<GenerationRequest> _queue = [];
    private readonly HashSet<int> _leaving = [];
    private long _numbers;

    /// <summary>Requests that were handed back in the middle, since the start.</summary>
    public long HandBacks { get; private set; }

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
    /// <returns>Null when the queue is full.</returns>
    public GenerationRequest? Submit(int[] prompt, GenerationOptions options)
    {
        GenerationRequest request;
        lock (_lock)
        {
            if (_requests.Count >= capacity)
                return null;
            request = new GenerationRequest(++_numbers, prompt, options);
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
        }

        if (rank >= 0)
            Send(rank, ServingTopic.Cancel, new RequestNotice(request.Number, request.Owner, "").Encode());
        ConfirmLeavers();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var views = FollowViewsAsync(stoppingToken);
        try
        {
            await foreach (var message in group.Messenger.ReadAllAsync(stoppingToken))
                Receive(message);
            await views;
        }
        catch (OperationCanceledException)
        {
            // the host stops
        }

        lock (_lock)
        {
            foreach (var request in _requests.Values)
                request.Fail(new ElasticEpException(ElasticEpErrorCode.GroupEnded, "The server is stopping."));
            _requests.Clear();
            _queue.Clear();
        }
    }

    private async Task FollowViewsAsync(CancellationToken stoppingToken)
    {
        await foreach (var view in group.Views.WithCancellation(stoppingToken))
        {
            lock (_lock)
            {
                _leaving.RemoveWhere(rank => !view.Contains(rank));
                foreach (var request in _requests.Values.Where(request => request.Rank >= 0 && !view.Contains(request.Rank)).ToArray())
                    TakeFromLostRank(request);
            }

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
        request.Fail(new ElasticEpException(ElasticEpErrorCode.PeerLost, "The request was running on two ranks that were lost; it is not tried a third time."));
    }

    private void Receive(in GroupMessage message)
    {
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
                SetLeaving(message.Sender, message.Payload.Span[0] == 1);
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
            if (request.IsFinished)
                _requests.Remove(request.Number);
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
            request.Fail(new ElasticEpException(ElasticEpErrorCode.StepFailed, notice.Detail));
        }
    }

    private void SetLeaving(int rank, bool isLeaving)
    {
        lock (_lock)
        {
            if (isLeaving)
                _leaving.Add(rank);
            else
                _leaving.Remove(rank);
        }
    }

    private void Requeue(GenerationRequest request)
    {
        request.Rank = -1;
        _queue.AddFirst(request); // it has waited longest
    }

    private void ConfirmLeavers()
    {
        int[] clear;
        lock (_lock)
            clear = [.. _leaving.Where(rank => _requests.Values.All(request => request.Rank != rank))];
        foreach (var rank in clear)
            Send(rank, ServingTopic.Clear, ReadOnlyMemory<byte>.Empty);
    }

    private void Assign()
    {
        var assigned = new List<(int Rank, Assignment Assignment)>();
        lock (_lock)
        {
            var ranks = group.View.Members.Select(member => member.Rank).Where(rank => !_leaving.Contains(rank)).ToArray();
            while (ranks.Length > 0 && _queue.First is { } first)
            {
                _queue.RemoveFirst();
                var request = first.Value;
                request.Rank = ranks.MinBy(rank => _requests.Values.Count(other => other.Rank == rank));
                request.Owner++;
                assigned.Add((request.Rank, new Assignment(request.Number, request.Owner, request.Prompt, [.. request.Released], request.Options)));
            }
        }

        foreach (var (rank, assignment) in assigned)
            Send(rank, ServingTopic.Assign, assignment.Encode());
    }

    private void Send(int rank, int topic, ReadOnlyMemory<byte> payload) => _ = SendAsync(rank, topic, payload);

    private async Task SendAsync(int rank, int topic, ReadOnlyMemory<byte> payload)
    {
        try
        {
            await group.Messenger.SendAsync(rank, topic, payload);
        }
        catch (ElasticEpException exception)
        {
            LogNotSent(rank, topic, exception.Message);
            if (topic == ServingTopic.Assign)
                ReturnUnsent(Assignment.Decode(payload));
        }
    }

    private void ReturnUnsent(Assignment assignment)
    {
        lock (_lock)
        {
            if (_requests.TryGetValue(assignment.Request, out var request) && request.Owner == assignment.Owner)
                Requeue(request);
        }

        _ = AssignLaterAsync();
    }

    private async Task AssignLaterAsync()
    {
        await Task.Delay(TimeSpan.FromMilliseconds(250), TimeProvider.System);
        Assign();
    }

    [LoggerMessage(3001, LogLevel.Information, "Request {Request} was handed back by rank {Rank} after {Tokens} tokens")]
    private partial void LogHandedBack(long request, int rank, int tokens);

    [LoggerMessage(3002, LogLevel.Warning, "Request {Request} ran on rank {Rank}, which is gone; it goes to another rank")]
    private partial void LogLost(long request, int rank);

    [LoggerMessage(3003, LogLevel.Warning, "Message {Topic} to rank {Rank} was not sent: {Reason}")]
    private partial void LogNotSent(int rank, int topic, string reason);
}
