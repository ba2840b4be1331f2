namespace ElasticEp.Samples.Serving;

/// <summary>Why a front end does not take a request, or gives it up.</summary>
public enum Rejection
{
    /// <summary>It has as many requests as it takes.</summary>
    QueueFull,

    /// <summary>It is stopping, or the group has ended.</summary>
    Stopping,

    /// <summary>The request has waited longer than allowed, and no step has begun with it.</summary>
    QueueTime,
}
