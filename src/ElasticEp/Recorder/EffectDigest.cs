using System.Numerics;
using ElasticEp.Events;
using ElasticEp.Protocol;

namespace ElasticEp.Recorder;

/// <summary>
/// What a core wanted done, in two numbers: a byte for each of the first eight effects, to be read by people, and a hash over all of them,
/// by which a replay is compared. Allocates nothing.
/// </summary>
internal static class EffectDigest
{
    private const int MostPacked = 8;
    private const byte FirstCode = 16; // above those of StepEffectKind
    private const byte Unknown = 254;
    private const byte More = 255;

    // Codes are in dumps: append only.
    private static readonly Type[] Types =
    [
        typeof(AbortAttempt), typeof(Fence), typeof(EnterView), typeof(ViewCompleted), typeof(Dial), typeof(BeatTo), typeof(Disconnect), typeof(AbortLink),
        typeof(Fetch), typeof(Reload), typeof(Drain), typeof(Rollback), typeof(ReadRecord), typeof(WriteRecord), typeof(ReportExpertLoad), typeof(ShowLoss),
        typeof(ShowRecovery), typeof(ShowReloadTrouble), typeof(ShowBalance), typeof(Plan), typeof(WatchRanks), typeof(DeliverReply), typeof(RankEnded), typeof(Fail),
        typeof(StepFailedMessage), typeof(StopMessage), typeof(StoppedMessage), typeof(StartMessage), typeof(LoadedMessage), typeof(PrepareMessage), typeof(DrainMessage),
        typeof(PreparationMessage), typeof(AbortMessage), typeof(CompletedMessage), typeof(OperationRequestMessage), typeof(OperationReplyMessage), typeof(CancelMessage),
        typeof(ProgressMessage), typeof(LaunchFailedMessage), typeof(ProcessEndedMessage), typeof(WeightRequestMessage), typeof(ExpertLoadMessage), typeof(ProbeMessage),
        typeof(ProbeReplyMessage), typeof(ExpertLoadRequestMessage), typeof(AnnounceStandby),
    ];

    private static readonly Dictionary<Type, byte> Codes = Types.Select((type, index) => (type, index)).ToDictionary(pair => pair.type, pair => (byte)(FirstCode + pair.index));

    /// <summary>Whether effects of this type, or messages that are sent, have a code of their own.</summary>
    public static bool Knows(Type type) => Codes.ContainsKey(type);

    public static (ulong Packed, ulong Hash) Of(IReadOnlyList<RankEffect> effects)
    {
        var (packed, hash, count) = (0UL, 0UL, effects.Count);
        for (var i = 0; i < count; i++)
        {
            var effect = effects[i];
            var code = CodeOf(effect);
            if (i < MostPacked)
                packed |= (ulong)(i == MostPacked - 1 && count > MostPacked ? More : code) << (8 * i);
            hash = Mix(hash, code);
            hash = effect.Control is { } control ? Mix(hash, control) : Mix(hash, effect);
        }

        return (packed, hash);
    }

    /// <summary>The names of packed effects.</summary>
    public static IEnumerable<string> Unpack(ulong packed)
    {
        for (; packed != 0; packed >>= 8)
        {
            yield return (byte)packed switch
            {
                More => "...",
                < FirstCode and var kind => ((StepEffectKind)kind).ToString(),
                var code when code - FirstCode < Types.Length => Types[code - FirstCode].Name,
                _ => "?",
            };
        }
    }

    public static ulong Mix(ulong hash, ulong value) => (BitOperations.RotateLeft(hash, 5) ^ value) * 0x9E3779B97F4A7C15;

    public static ulong Mix(ulong hash, long value) => Mix(hash, unchecked((ulong)value));

    private static byte CodeOf(in RankEffect effect)
    {
        if (effect.Control is not { } control)
            return (byte)effect.Kind;
        return Codes.TryGetValue(control is SendMessage send ? send.Message.GetType() : control.GetType(), out var code) ? code : Unknown;
    }

    private static ulong Mix(ulong hash, MemberId id) => Mix(Mix(hash, id.Rank), id.Incarnation);

    private static ulong Mix(ulong hash, in RankEffect effect)
    {
        hash = Mix(Mix(Mix(hash, effect.View?.Digest ?? 0), effect.Step), effect.Attempt);
        hash = Mix(Mix(hash, effect.NextEpoch), effect.NextDigest);
        return Mix(hash, (effect.HasWork ? 1L : 0) | (effect.Result ? 2L : 0) | (effect.Failure is null ? 0 : 4L));
    }

    private static ulong Mix(ulong hash, ControlEffect effect)
    {
        switch (effect)
        {
            case AbortAttempt e:
                return Mix(Mix(hash, e.Epoch), e.Step);
            case Fence e:
                return Mix(hash, e.Epoch);
            case EnterView e:
                return Mix(Mix(hash, e.View.Digest), e.FirstStep);
            case SendMessage e:
                return Mix(Mix(hash, e.To), e.Message);
            case Dial e:
                return Mix(hash, e.Peer.Id);
            case BeatTo e:
                foreach (var peer in e.Peers)
                    hash = Mix(hash, peer);
                return hash;
            case Disconnect e:
                return Mix(hash, e.Peer);
            case AbortLink e:
                return Mix(Mix(hash, e.Peer), (long)e.Reason);
            case Fetch e:
                return Mix(hash, e.Plan.Next.Digest);
            case Reload e:
                return Mix(hash, e.View.Digest);
            case ReadRecord e:
                return Mix(hash, e.Stamp);
            case WriteRecord e:
                return Mix(Mix(Mix(hash, e.Stamp), e.ExpectedVersion), e.Record.View.Digest);
            case ReportExpertLoad e:
                return Mix(Mix(hash, e.To), e.Step);
            case ShowLoss e:
                return Mix(Mix(hash, e.Loss.Peer), (long)e.Loss.Reason);
            case Plan e:
                return Mix(hash, e.Inquiry.View.Digest);
            default:
                return hash;
        }
    }

    private static ulong Mix(ulong hash, ProtocolMessage message) => message switch
    {
        StepFailedMessage m => Mix(Mix(hash, m.Epoch), m.Step),
        StopMessage m => Mix(Mix(hash, m.Epoch), m.Recovery),
        StoppedMessage m => Mix(Mix(Mix(Mix(hash, m.Recovery), m.Entered), m.Closed ?? -1), m.ClosedEpoch),
        StartMessage m => Mix(Mix(hash, m.View.Digest), m.Step),
        PrepareMessage m => Mix(Mix(Mix(hash, m.Base.Digest), m.Next.Digest), m.Transfers.Length),
        PreparationMessage m => Mix(Mix(Mix(Mix(hash, m.Digest), (long)m.State), m.BytesMoved), (long)m.Refusal),
        CompletedMessage m => Mix(hash, m.Epoch),
        LoadedMessage m => Mix(hash, m.Epoch),
        OperationReplyMessage m => Mix(Mix(hash, m.Call), m.Code),
        ProbeMessage m => Mix(hash, m.About),
        ProbeReplyMessage m => Mix(Mix(hash, m.About), m.IsAlive ? 1L : 0),
        _ => hash,
    };
}
