namespace ElasticEp;

/// <summary>The base of every error that ElasticEp raises by itself. The message says what happened and what to do.</summary>
public class ElasticEpException : Exception
{
    /// <summary>Creates an error.</summary>
    /// <param name="code">Kind of the error.</param>
    /// <param name="message">What happened, to which rank or option, and what to do.</param>
    /// <param name="inner">The cause, if another exception is.</param>
    public ElasticEpException(ElasticEpErrorCode code, string message, Exception? inner = null)
        : base(message, inner) => Code = code;

    /// <summary>Kind of the error.</summary>
    public ElasticEpErrorCode Code { get; }

    /// <summary>Epoch of the view in which it happened; null outside any view.</summary>
    public long? Epoch { get; init; }

    /// <summary>The rank concerned, if there is one.</summary>
    public int? Rank { get; init; }
}
