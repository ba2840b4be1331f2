using ElasticEp.Tests.Architecture.Sample.Street;

namespace ElasticEp.Tests.Architecture.Sample.Garden;

/// <summary>Refers to the street by a constant of an enumeration alone.</summary>
internal static class Bed
{
    public static bool IsWatered(Lane lane) => lane.Weather == Weather.Rain;
}
