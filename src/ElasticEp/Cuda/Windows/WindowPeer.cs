namespace ElasticEp.Cuda.Windows;

/// <summary>The two windows between this rank and a member; for the own one both are the same.</summary>
/// <param name="Incoming">Address here of the window into which the member writes.</param>
/// <param name="Outgoing">Address here of the window at the member into which this rank writes.</param>
/// <param name="Place">Number of the incoming window among this rank's.</param>
internal readonly record struct WindowPeer(long Incoming, long Outgoing, int Place);
