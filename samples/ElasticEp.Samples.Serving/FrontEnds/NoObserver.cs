namespace ElasticEp.Samples.Serving.FrontEnds;

/// <summary>Nobody wants to know.</summary>
internal sealed class NoObserver : IServingObserver;
