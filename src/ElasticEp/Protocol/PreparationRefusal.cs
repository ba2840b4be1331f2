namespace ElasticEp.Protocol;

/// <summary>Why a participant cannot prepare the next view, whatever it does.</summary>
internal enum PreparationRefusal : byte
{
    /// <summary>It can, or has failed in the attempt.</summary>
    None = 0,

    /// <summary>The view that it is in is not the one that the next view was made for.</summary>
    OtherBase = 1,
}
