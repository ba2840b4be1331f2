namespace ElasticEp.Hosting.Processes;

/// <summary>Names by which a launcher and its workers understand each other; <c>:</c> in configuration, <c>__</c> in the environment.</summary>
internal static class WorkerVariables
{
    /// <summary>In the environment: the rank that a process is to take.</summary>
    public const string Rank = "ElasticEp__Rank";

    /// <summary>In the environment: the group that it is to take it in, for an app with several.</summary>
    public const string Group = "ElasticEp__Group";

    /// <summary>Configuration key of how many events a process keeps for that.</summary>
    public const string FlightRecorderEventsKey = "ElasticEp:FlightRecorderEvents";

    /// <summary>Configuration key: set when the process is one of the first of a group that has never had a view.</summary>
    public const string IsFirstKey = "ElasticEp:IsFirst";

    /// <summary>The same, in the environment.</summary>
    public const string IsFirst = "ElasticEp__IsFirst";

    /// <summary>Set when standard input is a pipe whose end means that the parent is gone.</summary>
    public const string ParentPipe = "ElasticEp__ParentPipe";
}
