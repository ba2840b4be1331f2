using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Samples.Server.Serving;

/// <summary>The batch: who runs, what a step computes, what comes out of it.</summary>
internal sealed partial class RankServing
{
    private const int MaxRunning = 256;
    private const int LogitRows = 16; // sampled together, so that the head's weights are read once for them

    private readonly LinkedList<RunningRequest> _running = [];
    private readonly LinkedList<RunningRequest> _waiting = [];
    private readonly StepPlan _plan = new();
    private readonly BatchHalving<RunningRequest> _halving = new();
    private readonly float[] _logits = new float[LogitRows * workload.Model.Config.VocabularySize];
    private readonly int[] _rows = new int[LogitRows];
    private readonly Dictionary<MemberId, List<ReleasedToken>> _released = [];
    private bool _isPlanned;
    private readonly long[] _stepTokens = new long[workload.Workspace.MaxTokens + 1];
    private long _promptTokens;
    private long _generatedTokens;
    private int _pagesPromised;

    /// <summary>Between two steps: takes what has arrived, hands back when leaving, and freezes the next batch.</summary>
    private void PlanStep(int maxTokens)
    {
        LeaveState? leave;
        lock (_leaveLock)
            leave = _leave;
        TakeInbox(leave);
        if (leave is { MustHandBack: true })
            HandBackAll(leave);
        while (_running.Count < MaxRunning && _waiting.First is { } next && _pagesPromised + next.Value.MaxPages <= workload.CachePool.MaxPages)
        {
            _waiting.RemoveFirst();
            _pagesPromised += next.Value.MaxPages;
            next.Value.Admit(workload.CachePool);
            _running.AddLast(next);
        }

        if (leave is not null && _running.Count == 0)
            leave.Emptied.TrySetResult();
        if (_halving.IsLooking)
            _plan.Fill(_halving.Next, maxTokens);
        else
            _plan.Fill(_running, maxTokens);
        TellBegun();
        _isPlanned = true;
    }

    /// <summary>Said before the step: when it ends this process, the front ends know which requests ran.</summary>
    private void TellBegun()
    {
        if (_plan.Requests.TrueForAll(static request => request.HasBegun))
            return;
        foreach (var requests in _plan.Requests.Where(request => !request.HasBegun).GroupBy(request => request.FrontEnd))
        {
            foreach (var request in requests)
                request.HasBegun = true;
            Send(requests.Key, ServingTopic.Begun, RequestList.Encode([.. requests.Select(request => (request.Assignment.Request, request.Assignment.Owner))]));
        }
    }

    private void Sample()
    {
        _plan.Sampled.Clear();
        _plan.LogProbabilities.Clear();
        var (row, from) = (-1, 0);
        while (from < _plan.Requests.Count)
        {
            // The last row of each chunk that ends its sequence, up to a block of them.
            var (to, count) = (from, 0);
            for (; to < _plan.Requests.Count && count < LogitRows; to++)
            {
                row += _plan.Chunks[to].Tokens.Length;
                if (IsThrough(to))
                    _rows[count++] = row;
            }

            workload.Model.ComputeLogits(workload.Workspace, _rows.AsSpan(0, count), _logits);
            for (count = 0; from < to; from++)
            {
                var isThrough = IsThrough(from);
                Sample(from, isThrough ? _logits.AsSpan(count * workload.Model.Config.VocabularySize, workload.Model.Config.VocabularySize) : []);
                count += isThrough ? 1 : 0;
            }
        }
    }

    private bool IsThrough(int index) => _plan.Chunks[index].Start + _plan.Chunks[index].Tokens.Length == _plan.Requests[index].Length;

    private void Sample(int index, ReadOnlySpan<float> logits)
    {
        var (request, options) = (_plan.Requests[index], _plan.Requests[index].Assignment.Options);
        var token = logits.IsEmpty ? -1 : Sampler.Sample(logits, options.Sampling, request.Position);
        _plan.Sampled.Add(token);
        _plan.LogProbabilities.Add(token < 0 || options.LogProbabilities < 0
            ? null
            : [new TokenProbability(token, (float)Sampler.LogProbability(logits, token)), .. Sampler.Best(logits, options.LogProbabilities)]);
    }

    private void HandBackAll(LeaveState leave)
    {
        foreach (var request in _running.Concat(_waiting))
            Send(request.FrontEnd, ServingTopic.HandBack, request.Notice("the rank leaves").Encode());
        foreach (var request in _running)
            Free(request);
        _running.Clear();
        _waiting.Clear();
        _halving.Clear();
        if (leave.HasCleared(_frontEnds.Keys))
            leave.Cleared.TrySetResult(); // otherwise the front end's answer wakes the group
    }

    // Each front end numbers its requests from 1 on.
    private bool Cancel(MemberId frontEnd, RequestNotice notice)
    {
        foreach (var list in (ReadOnlySpan<LinkedList<RunningRequest>>)[_running, _waiting])
        {
            if (list.FirstOrDefault(request => request.Is(frontEnd, notice.Request, notice.Owner)) is not { } cancelled)
                continue;
            list.Remove(cancelled);
            Free(cancelled);
            return true;
        }

        return false;
    }

    /// <summary>Gives its pages back, if it was admitted.</summary>
    private void Free(RunningRequest request)
    {
        if (request.Cache is null)
            return;
        _halving.Remove(request);
        _pagesPromised -= request.MaxPages;
        request.Dispose();
    }

    /// <summary>The group has agreed on the step: its tokens go out, and ended requests leave.</summary>
    private void Release()
    {
        if (_isPlanned)
            ReleasePlanned();
        Volatile.Write(ref _steps, _steps + 1); // last: whoever sees the new number sees all that the step has changed
    }

    private void ReleasePlanned()
    {
        _isPlanned = false;
        _stepDurations.Add(time.GetElapsedTime(_stepBeganAt));
        _stepTokens[_plan.Tokens]++;
        _halving.OnRun(_plan.Requests);
        for (var i = 0; i < _plan.Sampled.Count; i++)
        {
            var request = _plan.Requests[i];
            if (_plan.Misses.Count > 0 && _plan.Misses[i])
            {
                Send(request.FrontEnd, ServingTopic.ExpertsLost, request.Notice("An expert that this request needs was lost with its rank, and is being loaded again. Try again later.").Encode());
                _running.Remove(request);
                Free(request);
                continue;
            }

            if (!request.IsDecoding)
                _promptTokens += _plan.Chunks[i].Tokens.Length;
            request.Computed += _plan.Chunks[i].Tokens.Length;
            if (_plan.Sampled[i] >= 0)
                Release(request, _plan.Sampled[i], _plan.LogProbabilities[i]);
        }

        foreach (var (frontEnd, tokens) in _released)
        {
            if (tokens.Count > 0)
                Send(frontEnd, ServingTopic.Tokens, ReleasedToken.Encode(tokens));
            tokens.Clear();
        }

        _plan.Clear();
    }

    private void Release(RunningRequest request, int token, TokenProbability[]? logProbabilities)
    {
        var finish = FinishOf(request, token);
        if (!_released.TryGetValue(request.FrontEnd, out var tokens))
            _released[request.FrontEnd] = tokens = [];
        tokens.Add(new ReleasedToken(request.Assignment.Request, request.Assignment.Owner, request.Position, token, finish, logProbabilities));
        request.Add(token);
        _generatedTokens++;
        if (finish == FinishReason.None)
            return;
        _running.Remove(request);
        Free(request);
    }

    private FinishReason FinishOf(RunningRequest request, int token)
    {
        var options = request.Assignment.Options;
        if ((!options.IgnoreEos && workload.Model.Config.EndTokens.Contains(token)) || options.StopTokens.Contains(token))
            return FinishReason.Stop;
        return request.Position + 1 >= options.MaxTokens ? FinishReason.Length : FinishReason.None;
    }

    /// <summary>The batch has failed here. Only the request that makes it fail has to go; the others run again.</summary>
    private void FailPlanned(StepFailedException exception)
    {
        foreach (var request in _halving.OnFailed(_plan.Requests))
        {
            Send(request.FrontEnd, ServingTopic.Failed, request.Notice(exception.InnerException?.Message ?? exception.Message).Encode());
            _running.Remove(request);
            Free(request);
        }

        _plan.Clear();
        _isPlanned = false;
    }
}
