using System.Reflection;
using System.Text;

namespace ElasticEp.Tests.Architecture;

/// <summary>
/// Which folder of an assembly refers to which. A type's folder is the first part of its namespace below the root, and what is nested
/// in a type or was generated for it counts as that type. Types of the root itself have no folder: everyone may refer to them, and they
/// may refer to everyone.
/// </summary>
internal sealed class FolderGraph
{
    private readonly SortedDictionary<string, SortedDictionary<string, SortedSet<string>>> _edges = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _folders = new(StringComparer.Ordinal);
    private readonly string _root;

    private FolderGraph(string root) => _root = root;

    /// <summary>Reads an assembly.</summary>
    /// <param name="assembly">The compiled assembly.</param>
    /// <param name="root">The namespace whose parts are the folders.</param>
    public static FolderGraph Of(Assembly assembly, string root)
    {
        var graph = new FolderGraph(root);
        foreach (var type in assembly.GetTypes())
        {
            if (graph.FolderOf(type) is not { } folder)
                continue;
            graph._folders.Add(folder);
            graph.Add(folder, type);
        }

        return graph;
    }

    /// <summary>All folders.</summary>
    public IEnumerable<string> Folders => _folders;

    /// <summary>All edges, as <c>A -> B</c>.</summary>
    public IEnumerable<string> Edges => _edges.SelectMany(from => from.Value.Keys.Select(to => $"{from.Key} -> {to}"));

    /// <summary>For each edge that lies on a cycle the shortest such cycle, each once, the shortest first.</summary>
    public IReadOnlyList<string[]> FindCycles() =>
    [
        .. _edges.SelectMany(from => from.Value.Keys.Select(to => FindPath(to, from.Key)))
            .OfType<string[]>()
            .Select(StartWithTheFirst)
            .DistinctBy(cycle => string.Join(' ', cycle))
            .OrderBy(cycle => cycle.Length)
            .ThenBy(cycle => string.Join(' ', cycle), StringComparer.Ordinal),
    ];

    /// <summary>The cycles, and for each of their edges how many pairs of types make it and some of them.</summary>
    public string Describe(IReadOnlyList<string[]> cycles, int examples)
    {
        var text = new StringBuilder();
        text.Append("Folder cycles below ").Append(_root).Append(":\n");
        foreach (var cycle in cycles)
            text.Append("  ").AppendJoin(" -> ", cycle).Append(" -> ").Append(cycle[0]).Append('\n');
        text.Append("made of\n");
        foreach (var (from, to) in cycles.SelectMany(cycle => cycle.Zip(cycle[1..].Append(cycle[0]))).Distinct().Order())
        {
            var pairs = _edges[from][to];
            text.Append("  ").Append(from).Append(" -> ").Append(to).Append(" (").Append(pairs.Count).Append("): ").AppendJoin(", ", pairs.Take(examples));
            text.Append(pairs.Count > examples ? ", ...\n" : "\n");
        }

        return text.ToString();
    }

    private void Add(string folder, Type type)
    {
        foreach (var referred in TypeReferences.Of(type))
        {
            if (FolderOf(referred) is not { } to || to == folder)
                continue;
            if (!_edges.TryGetValue(folder, out var targets))
                _edges.Add(folder, targets = new(StringComparer.Ordinal));
            if (!targets.TryGetValue(to, out var pairs))
                targets.Add(to, pairs = new(StringComparer.Ordinal));
            pairs.Add($"{NameOf(type)} -> {NameOf(referred)}");
        }
    }

    private string? FolderOf(Type type)
    {
        var name = Outermost(type).Namespace;
        return name is not null && name.StartsWith(_root + '.', StringComparison.Ordinal) ? name[(_root.Length + 1)..].Split('.')[0] : null;
    }

    private static string NameOf(Type type) => Outermost(type).Name.Split('`')[0];

    private static Type Outermost(Type type) => type.DeclaringType is { } outer ? Outermost(outer) : type;

    /// <summary>The folders of a shortest way, both ends included; null when there is none.</summary>
    private string[]? FindPath(string from, string to)
    {
        var before = new Dictionary<string, string?> { [from] = null };
        var queue = new Queue<string>([from]);
        while (queue.TryDequeue(out var folder))
        {
            if (folder == to)
                return [.. Back(before, to).Reverse()];
            if (!_edges.TryGetValue(folder, out var targets))
                continue;
            foreach (var next in targets.Keys.Where(next => before.TryAdd(next, folder)))
                queue.Enqueue(next);
        }

        return null;
    }

    private static IEnumerable<string> Back(Dictionary<string, string?> before, string to)
    {
        for (var folder = to; folder is not null; folder = before[folder])
            yield return folder;
    }

    private static string[] StartWithTheFirst(string[] cycle)
    {
        var first = Array.IndexOf(cycle, cycle.Min(StringComparer.Ordinal));
        return [.. cycle[first..], .. cycle[..first]];
    }
}
