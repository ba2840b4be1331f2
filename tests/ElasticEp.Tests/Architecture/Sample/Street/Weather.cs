namespace ElasticEp.Tests.Architecture.Sample.Street;

/// <summary>Weather of a <see cref="Lane"/>.</summary>
internal enum Weather
{
    Sun,
    Rain,
}
