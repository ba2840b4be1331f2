using System.Diagnostics;

namespace ElasticEp.Gpu;

/// <summary>
/// Runs sections one after another, each in a process of its own: a section that hangs is killed, and one that loses the device does not
/// take the others with it. What was not reached is NOT RUN and makes the run fail.
/// </summary>
internal sealed class Table(IEnumerable<Section> sections, TimeSpan budget)
{
    private readonly List<(string Verdict, string Name, string Figure)> _lines = [];
    private readonly Stopwatch _clock = Stopwatch.StartNew();

    public int Run()
    {
        foreach (var section in sections)
            Run(section);
        Console.WriteLine();
        foreach (var (verdict, name, figure) in _lines)
            Console.WriteLine($"{verdict,-8} {name,-58} {figure}");
        var (passed, failed, missing) = (Count("PASS"), Count("FAIL"), Count("NOT RUN"));
        Console.WriteLine($"{passed} PASS, {failed} FAIL, {missing} NOT RUN in {_clock.Elapsed.TotalSeconds:F0} s");
        return failed + missing == 0 ? 0 : 1;
    }

    private int Count(string verdict) => _lines.Count(line => line.Verdict == verdict);

    private void Run(Section section)
    {
        var left = budget - _clock.Elapsed;
        var limit = left < section.Limit ? left : section.Limit;
        var seen = new HashSet<string>();
        var why = "the budget was used up";
        if (limit > TimeSpan.Zero)
        {
            Console.WriteLine($"== {section.Name} at {_clock.Elapsed.TotalSeconds:F0} s");
            var result = Child.Run(Environment.ProcessPath!, ["--section", section.Name], limit, line => Read(line, seen));
            why = result is null ? $"stopped after {limit.TotalSeconds:F0} s" : $"the section ended with {result}";
            if (result is not 0)
                _lines.Add(("FAIL", section.Name, why));
        }

        foreach (var check in section.Checks.Where(check => !seen.Contains(check)))
            _lines.Add(("NOT RUN", check, why));
    }

    private void Read(string line, HashSet<string> seen)
    {
        var parts = line.Split('\t');
        if (parts.Length == 3 && parts[0] is "PASS" or "FAIL" or "INFO")
        {
            lock (_lines)
                _lines.Add((parts[0], parts[1], parts[2]));
            seen.Add(parts[1]);
        }
        else
        {
            Console.WriteLine(line);
        }
    }
}
