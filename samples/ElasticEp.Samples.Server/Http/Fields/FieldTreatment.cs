namespace ElasticEp.Samples.Server.Http;

/// <summary>What becomes of a field of a request.</summary>
internal enum FieldTreatment
{
    /// <summary>It is done, or refused for its value.</summary>
    Done,

    /// <summary>Whatever it says, the answer is the same here.</summary>
    NoEffect,

    /// <summary>It would change the answer, and is not done: refused by name, but for values that ask for nothing.</summary>
    Refused,
}
