using System.Threading.Channels;

namespace ElasticEp.Samples.Serving;

/// <summary>A request as its owner, the front end, keeps it: what was released, and who runs it now.</summary>
public sealed class GenerationRequest
{
    private readonly Channel<ReleasedToken> _tokens = Channel.CreateUnbounded<ReleasedToken>(new UnboundedChannelOptions { SingleReader = true });
    private readonly List<int> _released = [];

    internal GenerationRequest(long number, int[] prompt, GenerationOptions options, long arrivedAt)
    {
        Number = number;
        Prompt = prompt;
        Options = options;
        ArrivedAt = arrivedAt;
    }

    /// <summary>Its number at the front end, by arrival.</summary>
    public long Number { get; }

    /// <summary>Token ids of the prompt; not to be changed.</summary>
    public int[] Prompt { get; }

    /// <summary>How to generate.</summary>
    public GenerationOptions Options { get; }

    /// <summary>Tokens that were accepted.</summary>
    public IReadOnlyList<int> Released => _released;

    /// <summary>The process that runs it; null while it is queued.</summary>
    public MemberId? Member { get; internal set; }

    /// <summary>Rank that runs it; −1 while it is queued.</summary>
    public int Rank => Member?.Rank ?? -1;

    /// <summary>How often it was handed back in the middle.</summary>
    public int HandBacks { get; internal set; }

    /// <summary>Timestamp of its arrival.</summary>
    public long ArrivedAt { get; }

    /// <summary>Timestamp of the first step with a chunk of it; 0 before.</summary>
    public long BegunAt { get; internal set; }

    /// <summary>Timestamp of the first token; 0 before.</summary>
    public long FirstTokenAt { get; private set; }

    /// <summary>Timestamp of the newest token; 0 before the first.</summary>
    public long LastTokenAt { get; private set; }

    /// <summary>Tokens as they are released. Ends after the last one, or faults when the request failed.</summary>
    public ChannelReader<ReleasedToken> Tokens => _tokens.Reader;

    /// <summary>Number of its assignment, from 1 on. It grows when the request is taken from a rank: what that one still sends does not count.</summary>
    internal int Owner { get; set; } = 1;

    /// <summary>Timestamp at which its rank last showed that it has it, or was given it.</summary>
    internal long LastSeenAt { get; set; }

    /// <summary>Epoch of the last view in which it was moved for balance; −1 when it never was.</summary>
    internal long MovedIn { get; set; } = -1;

    /// <summary>Whether its present rank has begun a step with it.</summary>
    internal bool HasBegun { get; set; }

    /// <summary>How often in a row the rank that it was on was lost, with no token from it in between.</summary>
    internal int Losses { get; set; }

    /// <summary>How many of those losses came after that rank had begun a step with it.</summary>
    internal int Crashes { get; set; }

    /// <summary>Timestamp at which its rank was lost; 0 when it has got a token since.</summary>
    internal long LostAt { get; set; }

    /// <summary>A token is accepted; its reader gets it with <see cref="Deliver"/>.</summary>
    internal void Accept(in ReleasedToken token, long now)
    {
        _released.Add(token.Token);
        if (BegunAt == 0)
            BegunAt = now; // that it had begun was lost on the way
        if (FirstTokenAt == 0)
            FirstTokenAt = now;
        LastTokenAt = now;
    }

    internal void Deliver(in ReleasedToken token)
    {
        _tokens.Writer.TryWrite(token);
        if (token.Finish != FinishReason.None)
            _tokens.Writer.TryComplete();
    }

    internal void Fail(Exception reason) => _tokens.Writer.TryComplete(reason);
}
