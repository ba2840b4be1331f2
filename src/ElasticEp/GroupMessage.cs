namespace ElasticEp;

/// <summary>A message of the app from another rank or client.</summary>
/// <param name="Sender">The process that sent it.</param>
/// <param name="Topic">Small number that the app chooses, to tell kinds of messages apart.</param>
/// <param name="Payload">The bytes; an array of its own.</param>
public readonly record struct GroupMessage(MemberId Sender, int Topic, ReadOnlyMemory<byte> Payload);
