namespace ElasticEp.Tests.Simulation;

/// <summary>A request of a client. Its tokens are a pure function of its id and the position.</summary>
internal sealed class SimRequest(int id, int length)
{
    public int Id { get; } = id;

    public int Length { get; } = length;

    /// <summary>The next position that the front end accepts.</summary>
    public int Position { get; set; }

    /// <summary>Number of the present assignment.</summary>
    public int Owner { get; set; }

    public SimAssignment? Assignment { get; set; }

    public bool IsQueued { get; set; }

    public bool HasFailed { get; set; }

    public bool IsOver => HasFailed || Position == Length;

    public ulong TokenAt(int position) => SimRandom.Mix(((ulong)Id << 32) + (ulong)position + 1);
}
