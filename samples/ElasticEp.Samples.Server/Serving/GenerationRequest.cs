using System.Threading.Channels;

namespace ElasticEp.Samples.Server.Serving;

/// <summary>A request as its owner, the front end, keeps it: what was released, and who runs it now.</summary>
internal sealed class GenerationRequest(long number, int[] prompt, GenerationOptions options)
{
    private readonly Channel<(int Token, FinishReason Finish)> _tokens = Channel.CreateUnbounded<(int, FinishReason)>();

    public long Number { get; } = number;

    public int[] Prompt { get; } = prompt;

    public GenerationOptions Options { get; } = options;

    /// <summary>Tokens released to the client.</summary>
    public List<int> Released { get; } = [];

    /// <summary>Counts the assignments.</summary>
    public int Owner { get; set; }

    /// <summary>Rank that runs it; −1 while it is queued.</summary>
    public int Rank { get; set; } = -1;

    /// <summary>How often it was handed back in the middle.</summary>
    public int HandBacks { get; set; }

    /// <summary>How often it ran on a rank that was lost.</summary>
    public int Crashes { get; set; }

    public bool IsFinished { get; private set; }

    /// <summary>Tokens as they are released. Ends after the last one, or throws when the request failed.</summary>
    public IAsyncEnumerable<(int Token, FinishReason Finish)> ReadAsync(CancellationToken cancellationToken) => _tokens.Reader.ReadAllAsync(cancellationToken);

    public void Release(int token, FinishReason finish)
    {
        Released.Add(token);
        _tokens.Writer.TryWrite((token, finish));
        if (finish == FinishReason.None)
            return;
        IsFinished = true;
        _tokens.Writer.TryComplete();
    }

    public void Fail(Exception reason)
    {
        IsFinished = true;
        _tokens.Writer.TryComplete(reason);
    }
}
