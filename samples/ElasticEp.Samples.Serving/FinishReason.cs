namespace ElasticEp.Samples.Serving;

/// <summary>Why a request ended.</summary>
public enum FinishReason : byte
{
    /// <summary>It has not.</summary>
    None = 0,

    /// <summary>The model ended the text.</summary>
    Stop = 1,

    /// <summary>All tokens asked for were generated.</summary>
    Length = 2,
}
