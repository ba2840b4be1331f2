using ElasticEp.Events;
using ElasticEp.Protocol;

namespace ElasticEp.Runtime;

/// <summary>The names of the places at which a process may be made to fail.</summary>
internal static class FaultPoints
{
    /// <summary>Some members have this rank's StepEnd, others have not.</summary>
    public const string InsideStepEnd = "inside StepEnd";

    /// <summary>The dispatch of a layer has been sent to some members.</summary>
    public const string InsideDispatch = "inside dispatch";

    /// <summary>The dispatch of a layer has been sent, and its combine has not.</summary>
    public const string BeforeCombine = "between dispatch and combine";

    /// <summary>The last combine is in, and StepEnd has not been sent.</summary>
    public const string BeforeStepEnd = "between payload and StepEnd";

    /// <summary>Memory for the exchanges of a next view is about to be allocated.</summary>
    public const string BeforeAllocation = "before allocation";

    /// <summary>Some of the weights of a next view have come.</summary>
    public const string InsideTransfer = "inside transfer";

    /// <summary>A write of the record has reached the store, and has not been done.</summary>
    public const string BeforeStoreWrite = "before the store writes";

    /// <summary>A write of the record has been done, and not been answered.</summary>
    public const string AfterStoreWrite = "after the store writes";

    public static string Before(in RankEffect effect) => Before(NameOf(effect));

    public static string After(in RankEffect effect) => After(NameOf(effect));

    /// <param name="effect">Name of the type of an effect or message.</param>
    public static string Before(string effect) => $"before {effect}";

    /// <inheritdoc cref="Before(string)"/>
    public static string After(string effect) => $"after {effect}";

    private static string NameOf(in RankEffect effect) => effect switch
    {
        { Control: null } => effect.Kind.ToString(),
        { Control: SendMessage send } => send.Message.GetType().Name,
        _ => effect.Control.GetType().Name,
    };
}
