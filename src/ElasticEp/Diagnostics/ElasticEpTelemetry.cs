namespace ElasticEp.Diagnostics;

/// <summary>Names under which ElasticEp reports.</summary>
public static class ElasticEpTelemetry
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "ElasticEp";

    /// <summary>Name of the activity source.</summary>
    public const string ActivitySourceName = "ElasticEp";
}
