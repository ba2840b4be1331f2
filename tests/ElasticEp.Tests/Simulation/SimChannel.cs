namespace ElasticEp.Tests.Simulation;

/// <summary>The links of a connection; what one delivers says nothing about the others.</summary>
internal enum SimChannel
{
    Control,
    Data,
    Weights,
}
