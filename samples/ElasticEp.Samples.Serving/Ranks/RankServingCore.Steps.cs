using ElasticEp.Samples.Serving.Messages;

namespace ElasticEp.Samples.Serving.Ranks;

/// <summary>What becomes of a step: its tokens go out, or it has failed.</summary>
internal sealed partial class RankServingCore
{
    private const string LostExperts = "An expert that this request needs was lost with its rank, and is being loaded again. Try again later.";

    /// <summary>The group has agreed on the step: its tokens go out, and ended requests leave.</summary>
    /// <param name="sampled">An entry for each chunk.</param>
    /// <param name="misses">Whether each chunk chose an expert that is being loaded again; empty when none did.</param>
    public void OnCompleted(IReadOnlyList<SampledToken> sampled, IReadOnlyList<bool> misses)
    {
        if (Current is not { } plan)
            return;
        Current = null;
        _stepTokens[plan.Batch.Rows]++;
        _halving.OnRun(plan.Requests);
        for (var i = 0; i < plan.Requests.Count; i++)
        {
            var (request, chunk) = (plan.Requests[i], plan.Batch.Chunks[i]);
            if (!request.IsEnded && chunk is not { Count: 1, SamplesAt: >= 0 })
                PromptTokens += chunk.Count;
            _scheduler.Complete(request, chunk);
            if (request.IsEnded)
                continue; // it was computed ahead, or cancelled: nobody wants it
            if (misses.Count > 0 && misses[i])
                Fail(request, ServingTopic.ExpertsLost, LostExperts);
            else if (!sampled[i].IsFinite)
                Fail(request, ServingTopic.Failed, "The model has computed something that is not a number for this request.");
            else if ((sampled[i].Scores?.Length ?? 0) != chunk.Targets.Length)
                Fail(request, ServingTopic.Failed, "The model does not score given tokens: it gives no log probabilities of prompts.");
            else
                Take(request, chunk, sampled[i]);
        }

        SendTokens();
    }

    /// <summary>Tokens go with a statement of what room there is; a statement goes alone when it is another one than before.</summary>
    private void SendTokens()
    {
        var statement = _scheduler.State(assigned: 0);
        foreach (var (frontEnd, state) in _frontEnds)
        {
            var stated = statement with { Assigned = state.Assigned };
            if (state.Tokens.Count == 0 && (state.IsLost || state.Stated == stated))
                continue;
            Send(frontEnd, ServingTopic.Tokens, TokenMessage.Encode(stated, state.Tokens));
            state.Stated = stated;
            state.Tokens.Clear();
        }
    }

    /// <summary>The batch has failed here. Only the request that makes it fail has to go; the others run again.</summary>
    /// <param name="reason">Why.</param>
    public void OnFailed(string reason)
    {
        if (_ahead is { } ahead)
            _scheduler.Drop(ahead);
        _ahead = null;
        if (Current is not { } plan)
            return;
        Current = null;
        _scheduler.Drop(plan);
        foreach (var request in _halving.OnFailed([.. plan.Requests.Where(static request => !request.IsEnded)]))
            Fail(request, ServingTopic.Failed, reason);
    }

    private void Take(RunningRequest request, in StepChunk chunk, SampledToken sampled)
    {
        if (sampled.Scores is { Length: > 0 } scores)
            request.AddScores(chunk, scores);
        if (chunk.SamplesAt < 0)
            return;
        if (sampled.Token < 0)
            Fail(request, ServingTopic.Failed, "No token may come next: what is allowed, banned and held back leaves none.");
        else
            Release(request, sampled);
    }

    private void Release(RunningRequest request, SampledToken sampled)
    {
        var finish = FinishOf(request, sampled.Token);
        var token = new ReleasedToken(request.Assignment.Request, request.Assignment.Owner, request.Position, sampled.Token, finish, sampled.LogProbabilities);
        FrontEnd(request.FrontEnd).Tokens.Add(token with { PromptScores = request.Scores });
        request.Add(sampled.Token);
        GeneratedTokens++;
        if (finish != FinishReason.None)
            End(request);
    }

    private FinishReason FinishOf(RunningRequest request, int token)
    {
        var options = request.Assignment.Options;
        if (request.Position >= options.Adjustments.MinTokens && ((!options.IgnoreEos && limits.EndTokens.Contains(token)) || options.StopTokens.Contains(token)))
            return FinishReason.Stop;
        return request.Position + 1 >= options.MaxTokens ? FinishReason.Length : FinishReason.None;
    }

    private void Fail(RunningRequest request, int topic, string reason)
    {
        Send(request.FrontEnd, topic, request.Notice(reason).Encode());
        End(request);
    }
}
