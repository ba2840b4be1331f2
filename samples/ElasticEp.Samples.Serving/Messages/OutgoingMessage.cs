namespace ElasticEp.Samples.Serving.Messages;

/// <summary>A message that a core wants sent.</summary>
/// <param name="Receiver">To whom.</param>
/// <param name="Topic">See <see cref="ServingTopic"/>.</param>
/// <param name="Payload">Its content.</param>
internal readonly record struct OutgoingMessage(MemberId Receiver, int Topic, ReadOnlyMemory<byte> Payload);
