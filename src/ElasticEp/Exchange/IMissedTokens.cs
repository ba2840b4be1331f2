namespace ElasticEp.Exchange;

/// <summary>Remembers tokens whose experts are not here.</summary>
internal interface IMissedTokens
{
    /// <summary>A token needs an expert that is not here.</summary>
    void Miss(int token, int lane);
}
