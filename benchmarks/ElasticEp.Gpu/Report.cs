namespace ElasticEp.Gpu;

/// <summary>What a section says on its standard output; the table reads it.</summary>
internal sealed class Report
{
    /// <summary>A check with its figure and its bound.</summary>
    public void Check(string name, bool isMet, string figure) => Write(isMet ? "PASS" : "FAIL", name, figure);

    /// <summary>A figure without a bound.</summary>
    public void Figure(string name, string figure) => Write("INFO", name, figure);

    public void Note(string text) => Console.WriteLine(text);

    private static void Write(string verdict, string name, string figure)
    {
        Console.WriteLine($"{verdict}\t{name}\t{figure}");
        Console.Out.Flush();
    }
}
