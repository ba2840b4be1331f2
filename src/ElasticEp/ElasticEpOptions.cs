namespace ElasticEp;

/// <summary>Options of one group. Bindable from configuration; validated when the host starts, all failures at once. No time may be longer than seven days.</summary>
public sealed class ElasticEpOptions
{
    /// <summary>Rank of this process; null for a client, and for a rank whose launcher decides.</summary>
    public int? Rank { get; set; }

    /// <summary>
    /// Name of what fails as a whole: the machine of this process, or its rack or zone. Copies of an expert are spread over nodes, and
    /// weights come from the same node where there is a choice. Each process gives its own.
    /// </summary>
    /// <value>Default null: this machine, the same for all containers on it.</value>
    public string? Node { get; set; }

    /// <summary>Upper bound of ranks, 1 to 1024: a rank is a number from 0 to this − 1.</summary>
    /// <value>Default 8.</value>
    public int MaxRanks { get; set; } = 8;

    /// <summary>Ranks 0 to this − 1 form the first view.</summary>
    /// <value>Default 1.</value>
    public int InitialRanks { get; set; } = 1;

    /// <summary>A view with fewer ranks is not committed.</summary>
    /// <value>Default 1.</value>
    public int MinRanks { get; set; } = 1;

    /// <summary>
    /// Ranks that the launcher keeps running beyond the members: registered, connected and warm, with the dense weights and as many experts as they have
    /// slots for, so that whoever grows, or takes the place of a lost member, waits for little. Each takes the memory of a member.
    /// </summary>
    /// <value>Default 0.</value>
    public int Standbys { get; set; }

    /// <summary>Shape of the model.</summary>
    public MoeModelShape Model { get; set; } = new();

    /// <summary>Most tokens that one rank brings into one step; sizes the receive regions.</summary>
    /// <value>Default 256.</value>
    public int MaxTokensPerRank { get; set; } = 256;

    /// <summary>Expert slots of each rank in each MoE layer.</summary>
    public int SlotsPerRank { get; set; }

    /// <summary>Spare expert buffers of each rank in each MoE layer, swapped in at a switch; not counted in <see cref="SlotsPerRank"/>.</summary>
    /// <value>Default 1.</value>
    public int SpareExperts { get; set; } = 1;

    /// <summary>Extra replicas wanted over the whole group, per layer.</summary>
    /// <value>Default 0.</value>
    public int RedundantExperts { get; set; }

    /// <summary>
    /// Ranks that may be lost at once without losing the last copy of an expert: with f, placements give every expert f + 1 copies on
    /// different ranks, as far as the slots allow it, whatever <see cref="RedundantExperts"/> is. Used by the rank that coordinates; give all ranks the same.
    /// </summary>
    /// <value>Default 0.</value>
    public int ToleratedLosses { get; set; }

    /// <summary>What becomes of steps while experts are loaded again whose last copies were lost.</summary>
    /// <value>Default <see cref="LostExpertsPolicy.Wait"/>.</value>
    public LostExpertsPolicy LostExperts { get; set; }

    /// <summary>
    /// Expert bytes that a resize may copy for balance, beyond what it takes that every expert is present, copies survive
    /// <see cref="ToleratedLosses"/> and are spread over nodes, and the wanted replicas exist. Used by the rank that coordinates; give all ranks the same.
    /// </summary>
    /// <value>
    /// Default null: an even share of the experts for every rank that joins or leaves. What fills a joiner and what saves a leaver's experts
    /// is not counted against it, so that a resize copies at most about twice as much: a large change ends balanced well below that, and one
    /// rank of many does not reshuffle all the others. 0 copies only what must be copied; <see cref="long.MaxValue"/> balances whatever it costs.
    /// </value>
    public long? MovementBudget { get; set; }

    /// <summary>
    /// Completed steps after which every rank tells the coordinator the load of each expert; what was told before loses half its weight in
    /// as many steps. One message of a byte or a few for each expert of each layer.
    /// </summary>
    /// <value>Default 1000: a few seconds to half a minute of decoding, long enough that the hottest experts stand out from chance.</value>
    public int LoadWindow { get; set; } = 1000;

    /// <summary>Micro-batches of one layer that may be under way at once, 1 to 4.</summary>
    /// <value>Default 1.</value>
    public int Lanes { get; set; } = 1;

    /// <summary>How expert outputs come back.</summary>
    /// <value>Default <see cref="CombineMode.Exact"/>.</value>
    public CombineMode CombineMode { get; set; } = CombineMode.Exact;

    /// <summary>
    /// Longest wait for a peer inside a step before the attempt is stopped, and longest time in which an app may not call RunStepAsync
    /// though a step is due: the others then go on without its rank.
    /// </summary>
    /// <value>Default 30 seconds.</value>
    public TimeSpan StepDeadline { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a call of a step that waits for peers polls before its thread does something else. Most answers come within it, and to go on
    /// on another thread takes as long. At most half of the processors of this process without one poll, so with two processors none.
    /// </summary>
    /// <value>Default 50 microseconds, at most one millisecond; zero: never.</value>
    public TimeSpan PollTime { get; set; } = TimeSpan.FromMicroseconds(50);

    /// <summary>Time after which an operation that is not committed is rolled back, unless its request says otherwise.</summary>
    /// <value>Default 5 minutes.</value>
    public TimeSpan OperationDeadline { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Time that a leaving rank lets its requests finish before it hands them back, unless the request says otherwise.</summary>
    /// <value>Default zero: they are returned to the queue at once.</value>
    public TimeSpan DrainTime { get; set; } = TimeSpan.Zero;

    /// <summary>Longest wait for a connection, a handshake or a goodbye.</summary>
    /// <value>Default 10 seconds.</value>
    public TimeSpan ConnectDeadline { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Time between two heartbeats of a rank. A peer is suspected after four of them without one, and others are asked for it; after
    /// seven, about 1.75 seconds, it is lost unless another member has heard it, and so is one whose link has been down for as long.
    /// </summary>
    /// <value>Default 250 milliseconds.</value>
    public TimeSpan HeartbeatInterval { get; set; } = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// Longest time that a rank has to end its step delegate when a step is to be run again, and to load one expert whose last copy was lost.
    /// One that has not by then is evicted, whether it coordinates or not, and the others go on.
    /// </summary>
    /// <value>Default 10 seconds. For the delegate, when <see cref="StepDeadline"/> is shorter, that counts.</value>
    public TimeSpan RecoveryDeadline { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long no step may be completed, though there is work, until the group counts as stalled: readiness then says so, and nothing else
    /// follows from it. Longer than the longest step.
    /// </summary>
    /// <value>Default 5 seconds.</value>
    public TimeSpan StallTime { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Largest payload of one weight frame, in bytes.</summary>
    /// <value>Default 1 MiB.</value>
    public int WeightChunkBytes { get; set; } = 1 << 20;

    /// <summary>
    /// Events of a rank that are kept, to be written to a file when the rank fails or is evicted, or when somebody wants it: about 110 bytes
    /// each, and what messages among them hold on to, at most 32 MiB. 0: none, and no files.
    /// </summary>
    /// <value>Default 10,000: some seconds of steps.</value>
    public int FlightRecorderEvents { get; set; } = 10_000;

    /// <summary>Directory of those files, which is made if it is not there. The last eight of each rank stay. Each process may give its own.</summary>
    /// <value>Default null: a directory of this user among the system's temporary files; the log names it.</value>
    public string? DumpDirectory { get; set; }

    /// <summary>Longest time of any option, of this library's transports too, and of a request: timers end at 49 days, and some wait for a sum.</summary>
    internal static readonly TimeSpan LongestTime = TimeSpan.FromDays(7);

    /// <summary>What the configuration says and cannot be read, which validation reports.</summary>
    internal List<string> Unreadable { get; } = [];

    /// <summary>How long Stop may be unanswered.</summary>
    internal TimeSpan StopDeadline => RecoveryDeadline < StepDeadline ? RecoveryDeadline : StepDeadline;

    /// <summary>Sets every option of another object to the values of this one.</summary>
    internal void CopyTo(ElasticEpOptions other)
    {
        (other.Node, other.FlightRecorderEvents, other.DumpDirectory) = (Node, FlightRecorderEvents, DumpDirectory);
        (other.Rank, other.MaxRanks, other.InitialRanks, other.MinRanks, other.Standbys) = (Rank, MaxRanks, InitialRanks, MinRanks, Standbys);
        (other.Model.MoeLayers, other.Model.Experts, other.Model.TopK) = (Model.MoeLayers, Model.Experts, Model.TopK);
        (other.Model.HiddenSize, other.Model.RowType) = (Model.HiddenSize, Model.RowType);
        (other.MaxTokensPerRank, other.SlotsPerRank, other.SpareExperts, other.RedundantExperts) = (MaxTokensPerRank, SlotsPerRank, SpareExperts, RedundantExperts);
        (other.ToleratedLosses, other.LostExperts, other.MovementBudget, other.LoadWindow) = (ToleratedLosses, LostExperts, MovementBudget, LoadWindow);
        (other.Lanes, other.CombineMode, other.WeightChunkBytes) = (Lanes, CombineMode, WeightChunkBytes);
        (other.StepDeadline, other.OperationDeadline, other.DrainTime, other.ConnectDeadline) = (StepDeadline, OperationDeadline, DrainTime, ConnectDeadline);
        (other.HeartbeatInterval, other.RecoveryDeadline, other.StallTime) = (HeartbeatInterval, RecoveryDeadline, StallTime);
        other.PollTime = PollTime;
    }
}
