using System.Diagnostics;
using ElasticEp.Tests.Architecture.Sample.Kitchen;

namespace ElasticEp.Tests.Architecture.Sample.Street;

/// <summary>Refers to the kitchen in an attribute and as a type argument.</summary>
[DebuggerTypeProxy(typeof(Cook))]
internal sealed class Lane(Weather weather)
{
    public Weather Weather => weather;

    public List<Cook?[]> Guests { get; } = [];
}
