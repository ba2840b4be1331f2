namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>What an end decides on a control link that the other end has opened.</summary>
/// <param name="Verdict">What it answers.</param>
/// <param name="Connection">The connection that is there already.</param>
/// <param name="Text">Why it is refused.</param>
/// <param name="Older">The end of a connection that the dialing end has lost; it comes first.</param>
/// <param name="Rival">An attempt of this end at the same time, which goes before: decide again when it has ended.</param>
internal readonly record struct Judgement(HelloVerdict Verdict, long Connection = 0, string Text = "", Task? Older = null, Task? Rival = null);
