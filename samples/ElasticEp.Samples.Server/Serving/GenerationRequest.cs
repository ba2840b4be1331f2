using System.Threading.Channels;

namespace ElasticEp.Samples.Server.Serving;

/// <summary>A request as its owner, the front end, keeps it: what was released, and who runs it now.</summary>
internal sealed class GenerationRequest(long number, int[] prompt, GenerationOptions options, long arrivedAt)
{
    private readonly Channel<ReleasedToken> _tokens = Channel.CreateUnbounded<ReleasedToken>(new UnboundedChannelOptions { SingleReader = true });

    public long Number { get; } = number;

    public int[] Prompt { get; } = prompt;

    public GenerationOptions Options { get; } = options;

    /// <summary>Tokens released to the client.</summary>
    public List<int> Released { get; } = [];

    /// <summary>Number of its assignment, from 1 on. It grows when the request is taken from a rank: what that one still sends does not count.</summary>
    public int Owner { get; set; } = 1;

    /// <summary>Timestamp at which its rank last showed that it has it, or was given it.</summary>
    public long LastSeenAt { get; set; }

    /// <summary>The process that runs it; null while it is queued.</summary>
    public MemberId? Member { get; set; }

    /// <summary>Rank that runs it; −1 while it is queued.</summary>
    public int Rank => Member?.Rank ?? -1;

    /// <summary>How often it was handed back in the middle.</summary>
    public int HandBacks { get; set; }

    /// <summary>Whether its present rank has begun a step with it.</summary>
    public bool HasBegun { get; set; }

    /// <summary>How often in a row the rank that it was on was lost, with no token from it in between.</summary>
    public int Losses { get; set; }

    /// <summary>How many of those losses came after that rank had begun a step with it.</summary>
    public int Crashes { get; set; }

    /// <summary>Timestamp at which its rank was lost; 0 when it has got a token since.</summary>
    public long LostAt { get; set; }

    public bool IsFinished { get; private set; }

    /// <summary>Timestamp of its arrival.</summary>
    public long ArrivedAt { get; } = arrivedAt;

    /// <summary>Timestamp at which it went to its first rank; 0 before.</summary>
    public long AssignedAt { get; set; }

    /// <summary>Timestamp of the first token; 0 before.</summary>
    public long FirstTokenAt { get; set; }

    /// <summary>Timestamp of the newest token; 0 before the first.</summary>
    public long LastTokenAt { get; set; }

    /// <summary>Tokens as they are released. Ends after the last one, or faults when the request failed.</summary>
    public ChannelReader<ReleasedToken> Tokens => _tokens.Reader;

    /// <summary>A token is accepted; its reader gets it with <see cref="Release"/>.</summary>
    public void Accept(in ReleasedToken token)
    {
        Released.Add(token.Token);
        IsFinished = token.Finish != FinishReason.None;
    }

    public void Release(in ReleasedToken token)
    {
        _tokens.Writer.TryWrite(token);
        if (IsFinished)
            _tokens.Writer.TryComplete();
    }

    public void Fail(Exception reason)
    {
        IsFinished = true;
        _tokens.Writer.TryComplete(reason);
    }
}
