namespace ElasticEp.Events;

/// <summary>The effects of the step agreement; they come in every step, so they travel by value.</summary>
internal enum StepEffectKind : byte
{
    /// <summary>Not one of these: <see cref="RankEffect.Control"/> says what.</summary>
    None,

    /// <summary>Send StepEnd to all other members of the view.</summary>
    SendStepEnd,

    /// <summary>Send Wake to all other members of the view.</summary>
    SendWake,

    /// <summary>Call the app's delegate → ExchangesEnded, DelegateReturned.</summary>
    RunDelegate,

    /// <summary>Close the exchanges of the step; keep nothing open.</summary>
    CompleteStep,

    /// <summary>RunStepAsync returns the result, or throws the failure.</summary>
    ReturnToCaller,
}
