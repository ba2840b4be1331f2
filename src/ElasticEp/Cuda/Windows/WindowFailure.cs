using ElasticEp.Cuda.Kernels;

namespace ElasticEp.Cuda.Windows;

/// <summary>What kernels say has failed, in words.</summary>
/// <param name="Layer">MoE layer; −1 = before the first one.</param>
/// <param name="Kind">One of the kinds of <see cref="ExchangeFailure"/>.</param>
/// <param name="Detail">Entry and reason, or the index of a member.</param>
internal readonly record struct WindowFailure(int Layer, int Kind, long Detail)
{
    private ElasticEpErrorCode Code => Kind switch
    {
        ExchangeFailure.DispatchExpired or ExchangeFailure.ReturnExpired => ElasticEpErrorCode.DeadlineExceeded,
        ExchangeFailure.Description => ElasticEpErrorCode.ProtocolViolation,
        _ => ElasticEpErrorCode.StepAborted,
    };

    /// <summary>Reads a status; null for none.</summary>
    public static WindowFailure? Of(long status) => status == ExchangeFailure.None
        ? null
        : new WindowFailure(ExchangeFailure.LayerOf(status), ExchangeFailure.KindOf(status), ExchangeFailure.DetailOf(status));

    /// <summary>Whether the host has ended the attempt.</summary>
    public bool IsEnded => Kind is ExchangeFailure.DispatchEnded or ExchangeFailure.ReturnEnded;

    /// <summary>The member that was waited for, or −1.</summary>
    public int Member => Kind == ExchangeFailure.Entry || Layer < 0 ? -1 : (int)Detail;

    /// <summary>An error with the message that the processor's engine has for the same.</summary>
    /// <param name="topK">k.</param>
    /// <param name="experts">Experts of a layer.</param>
    /// <param name="id">The expert that the wrong entry names.</param>
    /// <param name="weight">Its weight.</param>
    /// <param name="view">The view, for messages.</param>
    public ElasticEpException ToException(int topK, int experts, int id, float weight, GroupView view)
    {
        if (Kind != ExchangeFailure.Entry)
        {
            return new ElasticEpException(Code, Describe(view))
            {
                Epoch = view.Epoch,
                Rank = !IsEnded && Member >= 0 && Member < view.Members.Length ? view.Members[Member].Rank : null,
            };
        }

        var (token, position) = ((int)(Detail / 4 / topK), (int)(Detail / 4 % topK));
        return (Detail & 3) switch
        {
            RouteKernel.BadWeight => new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"The weight of token {token}, position {position} is {weight}; weights must be finite."),
            RouteKernel.BadExpert => new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"The expert of token {token}, position {position} is {id}; it must be −1 or 0 to {experts - 1}."),
            _ => new ElasticEpException(ElasticEpErrorCode.ExpertsLost, $"No rank of {view} holds expert {id} of layer {Layer}.") { Epoch = view.Epoch },
        };
    }

    private string Describe(GroupView view)
    {
        var member = Member >= 0 && Member < view.Members.Length ? view.Members[Member].Id.ToString() : "a member";
        return Kind switch
        {
            ExchangeFailure.Description => $"What {member} wrote for layer {Layer} does not fit the layout.",
            ExchangeFailure.DispatchExpired => $"The dispatch of {member} for layer {Layer} has not come in time.",
            ExchangeFailure.ReturnExpired => $"The rows of layer {Layer} have not come back from {member} in time.",
            _ => $"The attempt was ended in layer {Layer}.",
        };
    }
}
