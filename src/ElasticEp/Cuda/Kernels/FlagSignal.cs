namespace ElasticEp.Cuda.Kernels;

/// <summary>A flag that a kernel waits for, or releases when all its blocks have stored; see <see cref="Signals"/>.</summary>
/// <param name="Control">Address of the <see cref="ExchangeControl"/>.</param>
/// <param name="Windows">Address of a table of windows: the members' here for a wait, the own at the members for a release.</param>
/// <param name="FlagOffset">Where the flag is in a window.</param>
/// <param name="Lane">Lane.</param>
/// <param name="Layer">MoE layer.</param>
internal readonly record struct FlagSignal(long Control, long Windows, int FlagOffset, int Lane, int Layer);
