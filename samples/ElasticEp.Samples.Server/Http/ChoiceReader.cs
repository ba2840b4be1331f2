using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Server.Http;

/// <summary>One choice as it is generated: tokens to text, until the model, the length or a stop text ends it.</summary>
internal sealed class ChoiceReader(int index, GenerationRequest request, TextCodec codec, GenerationCall call)
{
    private readonly StreamingDecoder _decoder = new(codec);
    private readonly StopMatcher _stops = new(call.Stops);

    /// <summary>Place of the choice in the answer.</summary>
    public int Index => index;

    public GenerationRequest Request => request;

    /// <summary>Tokens taken so far.</summary>
    public int Tokens { get; private set; }

    /// <summary>Characters told so far.</summary>
    public int Length { get; private set; }

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
        var isLast = token.Finish != FinishReason.None;
        var text = _stops.Add(_decoder.Add(token.Finish == FinishReason.Stop ? null : token.Token, isLast), isLast);
        if (call.Echoes && Tokens == 0)
            text = codec.Decode(request.Prompt) + text; // past the stop texts: those end what is generated
        var finish = _stops.Found is null ? token.Finish : FinishReason.Stop;
        delta = new ChoiceDelta(index, Tokens == 0, text, token, finish, _stops.Found, Length);
        Tokens++;
        Length += text.Length;
        IsEnded = finish != FinishReason.None;
        return true;
    }
}
