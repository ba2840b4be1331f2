namespace ElasticEp.Events;

/// <summary>Balancedness (mean ÷ highest load of a rank) over the MoE layers; 1 is perfect.</summary>
/// <param name="Mean">Mean of the layers that have load.</param>
/// <param name="Lowest">The worst of them.</param>
internal sealed record LoadBalance(double Mean, double Lowest);
