namespace ElasticEp;

/// <summary>What becomes of steps while experts are loaded again whose last copies were lost.</summary>
public enum LostExpertsPolicy
{
    /// <summary>No step runs until all experts are here: nothing fails, and everything waits.</summary>
    Wait,

    /// <summary>
    /// Steps go on. A token that chooses such an expert gets rows of zeros, and <see cref="ElasticStep.MissesExpert"/> says so: the app is to
    /// fail its request. Views do not change before all experts are here.
    /// </summary>
    Fail,
}
