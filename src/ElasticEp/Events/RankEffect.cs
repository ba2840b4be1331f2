using ElasticEp.Protocol;

namespace ElasticEp.Events;

/// <summary>One effect: one of the step agreement's by value, or a <see cref="ControlEffect"/>. An effect only starts work; completion is an event.</summary>
internal readonly record struct RankEffect
{
    /// <summary>Which effect of the step agreement; None for a control effect.</summary>
    public StepEffectKind Kind { get; private init; }

    /// <summary>Any other effect.</summary>
    public ControlEffect? Control { get; private init; }

    /// <summary>The view of the step.</summary>
    public GroupView? View { get; private init; }

    public long Step { get; private init; }

    /// <summary>RunDelegate: attempt of the step, from 1.</summary>
    public int Attempt { get; private init; }

    /// <summary>SendStepEnd: this rank has more work.</summary>
    public bool HasWork { get; private init; }

    /// <summary>SendStepEnd: epoch of the view that is announced; zero for none.</summary>
    public long NextEpoch { get; private init; }

    /// <summary>SendStepEnd: digest of that view.</summary>
    public ulong NextDigest { get; private init; }

    /// <summary>ReturnToCaller: what RunStepAsync returns.</summary>
    public bool Result { get; private init; }

    /// <summary>ReturnToCaller: what it throws instead.</summary>
    public Exception? Failure { get; private init; }

    public static RankEffect SendStepEnd(GroupView view, long step, bool hasWork, long nextEpoch, ulong nextDigest) =>
        new() { Kind = StepEffectKind.SendStepEnd, View = view, Step = step, HasWork = hasWork, NextEpoch = nextEpoch, NextDigest = nextDigest };

    public static RankEffect SendWake(GroupView view, long step) => new() { Kind = StepEffectKind.SendWake, View = view, Step = step };

    public static RankEffect RunDelegate(GroupView view, long step, int attempt) => new() { Kind = StepEffectKind.RunDelegate, View = view, Step = step, Attempt = attempt };

    public static RankEffect CompleteStep(GroupView view, long step) => new() { Kind = StepEffectKind.CompleteStep, View = view, Step = step };

    public static RankEffect ReturnToCaller(bool result, Exception? failure) => new() { Kind = StepEffectKind.ReturnToCaller, Result = result, Failure = failure };

    /// <summary>A protocol message to a peer, which may be this rank itself.</summary>
    public static RankEffect Send(MemberId to, ProtocolMessage message) => new SendMessage(to, message);

    public static implicit operator RankEffect(ControlEffect control) => new() { Control = control };
}
