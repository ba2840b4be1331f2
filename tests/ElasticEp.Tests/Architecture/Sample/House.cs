using ElasticEp.Tests.Architecture.Sample.Kitchen;

namespace ElasticEp.Tests.Architecture.Sample;

/// <summary>A type of the root: what it refers to, and who refers to it, makes no edge.</summary>
internal sealed class House
{
    public Cook? Owner { get; set; }
}
