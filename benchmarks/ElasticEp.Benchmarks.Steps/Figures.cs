using System.Text.Json;

namespace ElasticEp.Benchmarks.Steps;

/// <summary>The figures of a run in a file, beside the text that it prints.</summary>
internal static class Figures
{
    /// <summary>Writes them to the file that the option <c>json</c> names, if it is given.</summary>
    public static void Write(string[] args, IEnumerable<Figure> figures)
    {
        if (Numbers.Text(args, "json") is { } file)
            File.WriteAllText(file, JsonSerializer.Serialize(figures));
    }

    public static Figure[] Read(string file) => JsonSerializer.Deserialize<Figure[]>(File.ReadAllText(file))!;
}
