using ElasticEp.Samples.Serving.FrontEnds;
using ElasticEp.Samples.Serving.Messages;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Samples.Serving;

/// <summary>
/// Owns every request, in a process that holds no rank. It gives each to the rank with the least work, accepts each (request, position) once and only from
/// the present owner, and gives a request to another rank when its own hands it back or is lost.
/// </summary>
public sealed partial class FrontEnd : BackgroundService
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(250);

    private readonly IElasticGroupClient _group;
    private readonly TimeProvider _time;
    private readonly ILogger<FrontEnd> _logger;
    private readonly Lock _lock = new(); // guards the core; what is done under it queues, and runs no code of the app but the observer
    private readonly FrontEndCore _core;
    private readonly int _positions;
    private readonly PacedSignal _check;
    private readonly Outbox _outbox;

    /// <summary>Creates a front end; it serves when it has been started.</summary>
    /// <param name="group">The group.</param>
    /// <param name="options">What it takes, and what ranks have room for.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The log.</param>
    /// <param name="observer">Is told what happens to requests; null for nobody.</param>
    public FrontEnd(IElasticGroupClient group, FrontEndOptions options, TimeProvider time, ILogger<FrontEnd> logger, IServingObserver? observer = null)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(options);
        options.Limits.Check();
        _ = options.MaxPromptTokens; // a wrong value is named here, and not when a request comes
        _group = group;
        _time = time;
        _logger = logger;
        _core = new FrontEndCore(options, observer ?? new NoObserver(), time);
        _positions = options.Limits.Positions;
        _check = new PacedSignal(FrontEndCore.CheckPeriod, time);
        _outbox = new Outbox(group, OnNotSent);
    }

    /// <summary>Requests that were handed back in the middle, since the start.</summary>
    public long HandBacks => Read(static core => core.HandBacks);

    /// <summary>Tokens that were released to clients, since the start.</summary>
    public long Released => Read(static core => core.Released);

    /// <summary>Most requests that are queued or running.</summary>
    public int Capacity => _core.Capacity;

    /// <summary>Requests that are queued or running.</summary>
    public int Outstanding => Read(static core => core.Outstanding);

    /// <summary>Requests that no rank has.</summary>
    public int Queued => Read(static core => core.Queued);

    /// <summary>Whether a member has reported that it leaves.</summary>
    public bool IsLeaving(MemberId member)
    {
        lock (_lock)
            return _core.IsLeaving(member);
    }

    /// <summary>Whether a rank is a member or was one. Every rank may be until the first view is there.</summary>
    public bool HasKnown(int rank)
    {
        lock (_lock)
            return _core.HasKnown(rank);
    }

    /// <summary>How long the oldest request has waited that no step has begun with; zero when there is none.</summary>
    public TimeSpan OldestQueued => Read(core => core.OldestQueued(_time.GetTimestamp()));

    /// <summary>Keeps room for the requests of one call, all of them or none, before anything is done for it.</summary>
    /// <param name="requests">How many.</param>
    /// <param name="reason">Why not.</param>
    /// <returns>Null when they are not taken.</returns>
    public RequestReservation? TryReserve(int requests, out Rejection reason)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(requests);
        lock (_lock)
        {
            var rejection = _core.Reserve(requests);
            reason = rejection.GetValueOrDefault();
            return rejection is null ? new RequestReservation(this, requests) : null;
        }
    }

    /// <summary>Queues a request.</summary>
    /// <param name="prompt">Token ids; not empty.</param>
    /// <param name="options">How to generate.</param>
    /// <exception cref="ArgumentException">The prompt is empty, or with what it asks for longer than a rank's longest sequence.</exception>
    /// <exception cref="RejectedException">The queue is full, or nobody serves any more.</exception>
    public GenerationRequest Submit(int[] prompt, GenerationOptions options)
    {
        using var place = TryReserve(1, out var reason)
            ?? throw new RejectedException(reason, reason == Rejection.QueueFull ? "The queue is full; try again in a moment." : "The server is stopping.");
        return place.Submit(prompt, options);
    }

    /// <summary>Nobody waits for the request any more.</summary>
    /// <param name="request">The request; nothing happens when it has ended.</param>
    /// <param name="reason">stop when the text has all that was wanted, abort when the client has gone.</param>
    public void Cancel(GenerationRequest request, string reason)
    {
        ArgumentNullException.ThrowIfNull(request);
        Do(core => core.Cancel(request, reason, _time.GetTimestamp()));
    }

    /// <summary>Requests that run fail, and so does each that comes.</summary>
    public void StopServing() => Do(static core => core.End(new ElasticEpException(ElasticEpErrorCode.GroupEnded, "The server is stopping.")));

    /// <summary>A sequence that fits on no rank would go round for ever.</summary>
    internal void CheckLength(int[] prompt, GenerationOptions options)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        ArgumentNullException.ThrowIfNull(options);
        if (prompt.Length == 0 || options.MaxTokens < 1 || prompt.Length + (long)options.MaxTokens > _positions)
            throw new ArgumentException($"The prompt has {prompt.Length} tokens and {options.MaxTokens} are to be generated; both must be at least 1, and together at most {_positions}.");
    }

    internal GenerationRequest SubmitReserved(int[] prompt, GenerationOptions options)
    {
        lock (_lock)
        {
            var request = _core.Submit(prompt, options, _time.GetTimestamp());
            Apply();
            return request;
        }
    }

    internal void Release(int requests) => Do(core => core.Release(requests));

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await await Task.WhenAny(FollowViewsAsync(stoppingToken), CheckAsync(stoppingToken), ReadMessagesAsync(stoppingToken)).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // the host stops
        }

        StopServing();
    }

    private async Task FollowViewsAsync(CancellationToken stoppingToken)
    {
        await foreach (var view in _group.Views.WithCancellation(stoppingToken).ConfigureAwait(false))
        {
            MemberId[] members = [.. view.Members.Select(static member => member.Id)];
            Do(core => core.OnView(view.Epoch, members, view.IsTerminal, _time.GetTimestamp()));
        }
    }

    private async Task CheckAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            await _check.WaitAsync(stoppingToken).ConfigureAwait(false);
            Do(core => core.OnCheckDue(_time.GetTimestamp()));
        }
    }

    private async Task ReadMessagesAsync(CancellationToken stoppingToken)
    {
        await foreach (var message in _group.Messenger.ReadAllAsync(stoppingToken).ConfigureAwait(false))
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

    private void Receive(in GroupMessage message)
    {
        var report = message.Topic == ServingTopic.Report ? RankReport.Decode(message.Payload) : null;
        lock (_lock)
        {
            if (report is not null)
                _core.OnReport(message.Sender, report, _time.GetTimestamp());
            else
                _core.OnMessage(message.Sender, message.Topic, message.Payload, _time.GetTimestamp());
            Apply();
        }
    }

    private void OnNotSent(MemberId member, int topic, ReadOnlyMemory<byte> payload, string reason)
    {
        LogNotSent(topic == ServingTopic.Check ? LogLevel.Debug : LogLevel.Warning, member, topic, reason); // checks come again and again
        if (topic != ServingTopic.Assign)
            return;
        Do(core => core.OnNotSent(member, topic, payload));
        _ = AssignLaterAsync();
    }

    private async Task AssignLaterAsync()
    {
        await Task.Delay(RetryDelay, _time).ConfigureAwait(false);
        Do(core => core.Assign(_time.GetTimestamp()));
    }

    private T Read<T>(Func<FrontEndCore, T> read)
    {
        lock (_lock)
            return read(_core);
    }

    private void Do(Action<FrontEndCore> happened)
    {
        lock (_lock)
        {
            happened(_core);
            Apply();
        }
    }

    /// <summary>Starts what the core wants.</summary>
    private void Apply()
    {
        foreach (var message in _core.Outgoing)
            _outbox.Send(message.Receiver, message.Topic, message.Payload);
        _core.Outgoing.Clear();
        foreach (var gone in _core.Gone)
            _outbox.Close(gone);
        _core.Gone.Clear();
        foreach (var taken in _core.Taken)
        {
            if (taken.IsLost)
                LogLost(taken.Request, taken.Member);
            else
                LogHandedBack(taken.Request, taken.Member, taken.Tokens);
        }

        _core.Taken.Clear();
        foreach (var member in _core.Unanswering)
            LogUnanswering(member.Member, member.Silence.TotalSeconds, member.Requests);
        _core.Unanswering.Clear();
        if (_core.WantsCheck)
            _check.Set();
        foreach (var delivery in _core.Deliveries)
            delivery.Deliver();
        _core.Deliveries.Clear();
    }

    [LoggerMessage(3001, LogLevel.Information, "Request {Request} was handed back by {Member} after {Tokens} tokens")]
    private partial void LogHandedBack(long request, MemberId member, int tokens);

    [LoggerMessage(3002, LogLevel.Warning, "Request {Request} ran on {Member}, which is gone; it goes to another one")]
    private partial void LogLost(long request, MemberId member);

    [LoggerMessage(3005, LogLevel.Warning, "{Member} has not answered for {Seconds:F1} s, though the group has it: its {Requests} requests go to others, and it gets none until it answers. See whether this process reaches it")]
    private partial void LogUnanswering(MemberId member, double seconds, int requests);

    [LoggerMessage(3004, LogLevel.Warning, "A message {Topic} of {Member} is malformed and was dropped: {Reason}")]
    private partial void LogMalformed(int topic, MemberId member, string reason);

    [LoggerMessage(EventId = 3003, Message = "Message {Topic} to {Member} was not sent: {Reason}")]
    private partial void LogNotSent(LogLevel level, MemberId member, int topic, string reason);
}
