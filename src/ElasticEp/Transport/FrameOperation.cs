namespace ElasticEp.Transport;

/// <summary>What a frame means.</summary>
internal enum FrameOperation : byte
{
    /// <summary>The sender has completed its exchanges of a step. No payload.</summary>
    StepEnd = 1,

    /// <summary>An idle group is to run a step. No payload.</summary>
    Wake = 2,

    /// <summary>A message of the membership and scaling protocol.</summary>
    Protocol = 3,

    /// <summary>A message of the app, see <see cref="IGroupMessenger"/>.</summary>
    App = 4,

    /// <summary>The sender lives. No payload.</summary>
    Beat = 5,

    /// <summary>Token rows on their way to experts.</summary>
    Dispatch = 16,

    /// <summary>Expert outputs on their way back.</summary>
    Combine = 17,

    /// <summary>What the engines of two ranks tell each other before they exchange rows in another way than by frames.</summary>
    Notice = 18,

    /// <summary>A chunk of weights.</summary>
    Weights = 32,
}
