using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Server.Http;

/// <summary>One choice as it is generated: tokens to text, until the model, the length or a stop text ends it.</summary>
internal sealed class ChoiceReader(int index, GenerationRequest request, TextCodec codec, GenerationCall call)
{
    private readonly StreamingDecoder _decoder = new(codec);
    private readonly StopMatcher _stops = new(call.Stops, call.IncludesStop);
    private readonly string _echo = call.Echoes ? codec.Decode(request.Prompt) : "";
    private int _length; // characters of all tokens so far; those that are held back among them

    /// <summary>Place of the choice in the answer.</summary>
    public int Index => index;

    public GenerationRequest Request => request;

    /// <summary>Tokens told so far.</summary>
    public int Tokens { get; private set; }

    public bool IsEnded { get; private set; }

    /// <summary>Waits until there is something to read.</summary>
    /// <returns>False when the choice has ended.</returns>
    /// <exception cref="ElasticEpException">The request failed.</exception>
    public async ValueTask<bool> WaitAsync(CancellationToken cancellationToken)
    {
        if (IsEnded)
            return false;
        if (await request.Tokens.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
            return true;
        throw new ElasticEpException(ElasticEpErrorCode.GroupEnded, "The server stopped before the text was complete.");
    }

    /// <summary>The next token and the text that it completes, if one is there.</summary>
    public bool TryRead(out ChoiceDelta delta)
    {
        delta = default;
        if (IsEnded || !request.Tokens.TryRead(out var token))
            return false;
        var isLast = call.IsPromptOnly || token.Finish != FinishReason.None;
        var decoded = _decoder.Add(IsHidden(token) ? null : token.Token, isLast);
        var text = _stops.Add(decoded, isLast, mayStop: token.Position >= call.Options.Adjustments.MinTokens);
        var isFirst = token.Position == 0;
        if (isFirst)
            text = _echo + text; // past the stop texts: those end what is generated
        var finish = _stops.Found is not null ? FinishReason.Stop : call.IsPromptOnly ? FinishReason.Length : token.Finish;
        var stopToken = _stops.Found is null && finish == FinishReason.Stop && call.StopTokens.Contains(token.Token) ? token.Token : (int?)null;
        delta = new ChoiceDelta(index, isFirst, text, token, finish, _stops.Found, stopToken, _echo.Length + _length);
        Tokens += call.IsPromptOnly ? 0 : 1;
        _length += decoded.Length;
        IsEnded = finish != FinishReason.None;
        return true;
    }

    /// <summary>Whether a token is no part of the text.</summary>
    private bool IsHidden(in ReleasedToken token) =>
        call.IsPromptOnly || (token.Finish == FinishReason.Stop && !call.IncludesStop) || (call.SkipsSpecialTokens && codec.IsSpecial(token.Token));
}
