namespace ElasticEp.Runtime;

/// <summary>The store has answered; what it holds is damaged, or of a version that this process does not know.</summary>
internal sealed class UnreadableRecordException(ElasticEpException cause) : Exception(cause.Message, cause);
