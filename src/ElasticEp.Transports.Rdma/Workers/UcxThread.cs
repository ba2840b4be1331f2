using System.Collections.Concurrent;
using ElasticEp.Transports.Rdma.Native;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Transports.Rdma.Workers;

/// <summary>
/// A thread that drives workers of UCX and makes all their calls. Others post items to it. It polls while there is something to do and for a
/// while longer, then sleeps until UCX or an item wakes it.
/// </summary>
internal sealed unsafe partial class UcxThread : IAsyncDisposable
{
    private const short Readable = 1; // POLLIN
    private const int MostRefusals = 64; // of sleep, in a row: some come in the ordinary course
    private const int Nap = 1; // millisecond

    private static readonly TimeSpan Restless = TimeSpan.FromMilliseconds(5);

    private readonly TimeSpan _pollTime;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Action<Exception>? _onFailed;
    private readonly ConcurrentQueue<IWorkerItem> _items = new();
    private readonly List<UcxWorker> _workers = [];
    private readonly WakeEvent _wake = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private UcpApi.PollDescriptor[] _polled = new UcpApi.PollDescriptor[1];
    private int _isAsleep;
    private int _refusals;
    private Exception? _failure;
    private volatile bool _isStopping;

    /// <param name="name">Of the thread.</param>
    /// <param name="pollTime">How long it polls after the last thing that happened.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Told of what should not happen.</param>
    /// <param name="onFailed">Called on the thread when it, or a worker that several peers share, can go on no longer.</param>
    public UcxThread(string name, TimeSpan pollTime, TimeProvider time, ILogger logger, Action<Exception>? onFailed = null)
    {
        _pollTime = pollTime;
        _time = time;
        _logger = logger;
        _onFailed = onFailed;
        new Thread(Run) { Name = name, IsBackground = true }.Start();
    }

    /// <summary>Whether it can go on no longer: its workers have failed, and no new one may use it.</summary>
    public bool HasFailed => Volatile.Read(ref _failure) is not null;

    /// <summary>Has the thread run an item.</summary>
    public void Post(IWorkerItem item)
    {
        _items.Enqueue(item);
        Wake();
    }

    /// <summary>Has the thread make a call, and waits for it.</summary>
    public Task CallAsync(Action action)
    {
        var call = new WorkerCall(action);
        Post(call);
        return call.Done;
    }

    /// <summary>Ends the thread. Its workers have ended before, or end now.</summary>
    public ValueTask DisposeAsync()
    {
        _isStopping = true;
        Wake();
        return new ValueTask(_ended.Task);
    }

    /// <summary>From the thread, as the next three: drives a worker.</summary>
    /// <exception cref="ElasticEpException">The thread has failed.</exception>
    public void Add(UcxWorker worker)
    {
        if (_failure is { } failure)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidState, $"The thread that drives UCX has failed: {failure.Message}", failure);
        _workers.Add(worker);
        _polled = new UcpApi.PollDescriptor[_workers.Count + 1];
    }

    /// <summary>The worker has ended.</summary>
    public void Remove(UcxWorker worker) => _workers.Remove(worker);

    /// <summary>Somebody has to know, who can do nothing about it here.</summary>
    public void ReportFailure(Exception failure)
    {
        try
        {
            _onFailed?.Invoke(failure);
        }
        catch (Exception exception)
        {
            OnFault(exception);
        }
    }

    /// <summary>Throws nothing, not even what a log provider throws: the caller may be a callback of UCX, or the loop.</summary>
    public void OnFault(Exception exception)
    {
        try
        {
            LogFault(exception);
        }
        catch (Exception)
        {
            // there is nobody left to tell
        }
    }

    /// <summary>An exception that left it would end the process, and whoever waits for its end would wait for ever.</summary>
    private void Run()
    {
        try
        {
            Loop();
        }
        catch (Exception exception)
        {
            Volatile.Write(ref _failure, exception);
            foreach (var worker in _workers.ToArray())
                Try(() => worker.Abandon(exception));
            ReportFailure(exception);
            while (!_isStopping)
                Try(ServeWithoutUcx);
        }

        RunItems();
        foreach (var worker in _workers.ToArray())
            Try(worker.End);
        RunItems();
        _wake.Dispose();
        _ended.TrySetResult();
    }

    /// <summary>For what the end of the others must not depend on.</summary>
    private void Try(Action action)
    {
        try
        {
            action();
        }
        catch (Exception exception)
        {
            OnFault(exception);
            Poll(0, Nap); // if that goes on, it does not take a processor
        }
    }

    private void Loop()
    {
        var happened = _time.GetTimestamp();
        var slept = happened;
        while (!_isStopping)
        {
            if (RunItems() | Progress())
            {
                happened = slept = _time.GetTimestamp();
            }
            else if (_time.GetElapsedTime(slept) >= _pollTime && TrySleep(_time.GetElapsedTime(happened)))
            {
                slept = _time.GetTimestamp();
            }
        }
    }

    /// <summary>Who has used the workers ends by items and pumps.</summary>
    private void ServeWithoutUcx()
    {
        while (!_isStopping)
        {
            if (!(RunItems() | Progress()))
                TrySleep(idle: TimeSpan.Zero);
        }
    }

    private bool RunItems()
    {
        var isBusy = false;
        for (var count = _items.Count; count > 0 && _items.TryDequeue(out var item); count--)
        {
            isBusy = true;
            try
            {
                item.Run();
            }
            catch (Exception exception)
            {
                OnFault(exception);
            }
        }

        return isBusy;
    }

    private bool Progress()
    {
        var isBusy = false;
        for (var worker = 0; worker < _workers.Count; worker++)
            isBusy |= _workers[worker].Progress();
        return isBusy;
    }

    /// <summary>Waits for an event of UCX, or for an item. Returns at once when there is one already.</summary>
    /// <param name="idle">How long nothing has happened.</param>
    /// <returns>Whether it has waited; otherwise it is worth trying again after the next look around.</returns>
    private bool TrySleep(TimeSpan idle)
    {
        Volatile.Write(ref _isAsleep, 1);
        Interlocked.MemoryBarrier();
        var mayWait = _items.IsEmpty && !_isStopping;
        if (mayWait)
        {
            _polled[0] = new UcpApi.PollDescriptor { Descriptor = _wake.Descriptor, Events = Readable };
            for (var worker = 0; worker < _workers.Count && mayWait; worker++)
            {
                mayWait = _workers[worker].TryArm();
                _polled[worker + 1] = new UcpApi.PollDescriptor { Descriptor = _workers[worker].EventDescriptor, Events = Readable };
            }

            _refusals = mayWait ? 0 : _refusals + 1;
            if (mayWait)
                Poll(_workers.Count + 1, -1); // interrupted or not, the loop looks
            else if (_refusals > MostRefusals && idle > Restless)
                Poll(1, Nap); // UCX waits for room in a peer's queue, for which there is no event
        }

        Volatile.Write(ref _isAsleep, 0);
        return mayWait;
    }

    private void Poll(int count, int milliseconds)
    {
        int ready;
        fixed (UcpApi.PollDescriptor* polled = _polled)
            ready = UcpApi.poll(polled, (nuint)count, milliseconds);
        if (ready <= 0)
            return; // none is, or a signal came
        if (_polled[0].Returned != 0)
            _wake.Reset();
        for (var worker = 1; worker < count; worker++)
        {
            if (_polled[worker].Returned != 0)
                _workers[worker - 1].Disarm();
        }
    }

    private void Wake()
    {
        Interlocked.MemoryBarrier(); // the thread first says that it sleeps and then looks at the items; here it is the other way round
        if (Volatile.Read(ref _isAsleep) != 0)
            _wake.Set();
    }

    [LoggerMessage(4202, LogLevel.Error, "A thread that drives UCX met an unforeseen error and goes on")]
    private partial void LogFault(Exception exception);
}
