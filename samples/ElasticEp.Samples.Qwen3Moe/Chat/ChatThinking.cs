namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>Whether answers begin with thoughts.</summary>
public enum ChatThinking
{
    /// <summary>Never.</summary>
    None,

    /// <summary>Unless a request switches them off; the model opens them itself.</summary>
    Optional,

    /// <summary>Always; the prompt has opened them.</summary>
    Always,
}
