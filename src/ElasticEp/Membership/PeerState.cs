namespace ElasticEp.Membership;

/// <summary>What is known of a peer, for people.</summary>
/// <param name="IsLost">Whether it is lost, or silent for as long as it takes.</param>
/// <param name="IsSuspected">Whether it may be.</param>
/// <param name="Since">Since when; zero for one that is well.</param>
/// <param name="Detail">Why.</param>
internal readonly record struct PeerState(bool IsLost, bool IsSuspected, TimeSpan Since, string Detail);
