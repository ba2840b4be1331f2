namespace ElasticEp.Placement;

/// <summary>Where a layer stands after some steps of the search.</summary>
/// <param name="Steps">Steps taken; <see cref="int.MaxValue"/> for what no limit gives.</param>
/// <param name="Cost">Transfers of the layer.</param>
/// <param name="MaxLoad">Highest load of a rank.</param>
internal readonly record struct PathPoint(int Steps, int Cost, double MaxLoad);
