namespace ElasticEp.Tests.Simulation;

/// <summary>What a seed makes of the world: sizes, speeds and how often what goes wrong. Times are microseconds.</summary>
internal sealed class SimSettings
{
    public const int Layers = 2;
    public const int MaxRanks = 6;
    public const int LoadWindow = 8;
    public const long StepDeadline = 3_000_000;
    public const long OperationDeadline = 6_000_000;

    public const long RecoveryDeadline = 3_000_000;

    /// <summary>How long an expert takes now and then: all of them together longer than anybody waits for one.</summary>
    public const long SlowLoad = 2_000_000;

    /// <summary>How long a stuck delegate or hook ignores its token: longer than anybody waits for it.</summary>
    public const long Stuck = 9_000_000;

    public SimSettings(SimRandom random)
    {
        InitialRanks = random.Between(1, 4);
        TargetSteps = random.Between(50, 70);
        Requests = random.Between(1, 4);
        LinkDropGap = random.Pick<long>([0, 0, 30_000, 100_000, 300_000]);
        StoreTrouble = random.Pick<double>([0, 0, 0.05, 0.25]);
        LaunchTrouble = random.Pick<double>([0, 0.1, 0.3]);
        LoadFailure = random.Pick<double>([0, 0, 0.1]);
        DrainFailure = random.Pick<double>([0, 0, 0.15]);
        DelegateFailure = random.Pick<double>([0, 0.005, 0.02]);
        TailFailure = random.Pick<double>([0, 0.005, 0.02]);
        Revocation = random.Pick<double>([0, 0.05, 0.2]);
        GiveUp = random.Pick<double>([0, 0.05]);
        Cancel = random.Pick<double>([0, 0.2, 0.5]);
        IsStoppedAtEnd = random.Chance(0.25);
        Kill = random.Pick<double>([0, 0, 0.02, 0.1]);
        Copies = random.Pick<int>([1, 2, 2, MaxRanks, MaxRanks]);
        Pause = random.Pick<double>([0, 0, 0, 0.03]);
        Block = random.Pick<double>([0, 0, 0, 0.03]);
        Stick = random.Pick<double>([0, 0, 0, 0.2]);
        Hang = random.Pick<double>([0, 0.3, 0.3]);
        ReloadFailure = random.Pick<double>([0, 0.2, 0.4]);
        Restart = random.Pick<double>([0, 0.5, 1]);
        Replaces = random.Chance(0.5);
        Standbys = Replaces ? random.Pick<int>([0, 0, 1, 2]) : 0;
        BirthTrouble = random.Pick<double>([0, 0, 0.5]);
        StoreLoss = random.Pick<double>([0, 0, 0.03]);
        Absence = random.Pick<double>([0, 0, 0, 0.003]);
        LostExperts = random.Pick<LostExpertsPolicy>([LostExpertsPolicy.Wait, LostExpertsPolicy.Wait, LostExpertsPolicy.Fail]);
    }

    public int InitialRanks { get; }

    public int TargetSteps { get; }

    public int Requests { get; }

    /// <summary>Mean time between two lost links; zero for none.</summary>
    public long LinkDropGap { get; }

    public double StoreTrouble { get; }

    public double LaunchTrouble { get; }

    public double LoadFailure { get; }

    public double DrainFailure { get; }

    public double DelegateFailure { get; }

    public double TailFailure { get; }

    public double Revocation { get; }

    public double GiveUp { get; }

    public double Cancel { get; }

    public bool IsStoppedAtEnd { get; }

    /// <summary>Probability, now and then, that a member's process is killed; at most once in a seed, but that may be two at a time.</summary>
    public double Kill { get; }

    /// <summary>Copies of each expert: one, so that any loss has the others load experts again; two, which one loss leaves one of; or one on every rank.</summary>
    public int Copies { get; }

    /// <summary>Probability, now and then, that a member's process is stopped for a while, or does nothing but send heartbeats.</summary>
    public double Pause { get; }

    /// <summary>Probability, now and then, that nothing gets from one member to another for a while, or between the two.</summary>
    public double Block { get; }

    /// <summary>Probability that a delegate that is to end ignores it.</summary>
    public double Stick { get; }

    /// <summary>Probability that the load of an expert never returns; that of other hooks to return late is a fifth of it.</summary>
    public double Hang { get; }

    /// <summary>Probability that the source fails, of each expert that is to be loaded from it.</summary>
    public double ReloadFailure { get; }

    /// <summary>Probability that a process that was killed is started again, at its address or at another one.</summary>
    public double Restart { get; }

    /// <summary>Whether the launcher starts processes in the places of members that were lost.</summary>
    public bool Replaces { get; }

    /// <summary>Processes that it keeps ready beyond the members.</summary>
    public int Standbys { get; }

    /// <summary>Probability that one of the first ranks is killed and started again before the first view, rank 0 too.</summary>
    public double BirthTrouble { get; }

    /// <summary>Probability, now and then, that the store is restarted without its state.</summary>
    public double StoreLoss { get; }

    /// <summary>Probability, after each step of a rank, that its app does not call for the next one for long.</summary>
    public double Absence { get; }

    /// <summary>Whether steps wait for lost experts.</summary>
    public LostExpertsPolicy LostExperts { get; }

    /// <summary>Events that each rank keeps; none by default.</summary>
    public int FlightRecorderEvents { get; init; }

    public ElasticEpOptions Options => new()
    {
        LostExperts = LostExperts,
        FlightRecorderEvents = FlightRecorderEvents,
        MaxRanks = MaxRanks,
        InitialRanks = InitialRanks,
        Model = new MoeModelShape { MoeLayers = 1, Experts = SimPlanner.Experts, TopK = 1, HiddenSize = 16 },
        SlotsPerRank = SimPlanner.Experts,
        LoadWindow = LoadWindow,
        StepDeadline = TimeSpan.FromMicroseconds(StepDeadline),
        RecoveryDeadline = TimeSpan.FromMicroseconds(RecoveryDeadline),
        OperationDeadline = TimeSpan.FromMicroseconds(OperationDeadline),
    };
}
