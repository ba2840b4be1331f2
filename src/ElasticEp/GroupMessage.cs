namespace ElasticEp;

/// <summary>A message of the app from another rank or client.</summary>
/// <param name="Sender">Rank of the sender, or a client's negative number.</param>
/// <param name="Topic">Small number that the app chooses, to tell kinds of messages apart.</param>
/// <param name="Payload">The bytes; an array of its own.</param>
public readonly record struct GroupMessage(int Sender, int Topic, ReadOnlyMemory<byte> Payload);
