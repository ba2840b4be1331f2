namespace ElasticEp.Tests.Simulation;

/// <summary>One piece of what <see cref="ElasticEp.Runtime.WeightsRunner"/> does, with the app's hook that it calls; empty for none.</summary>
internal sealed class SimHook(string name, bool isOfOperation, Action<SimHook> begin)
{
    public string Name { get; set; } = name;

    /// <summary>Whether undoing the operation, or a reload, cancels it.</summary>
    public bool IsOfOperation { get; } = isOfOperation;

    public bool HasBegun { get; set; }

    public bool IsCancelled { get; set; }

    /// <summary>Whether it takes no notice of that, and does not return for a long time, or never.</summary>
    public bool IsHung { get; set; }

    public bool IsOver { get; set; }

    public void Begin() => begin(this);
}
