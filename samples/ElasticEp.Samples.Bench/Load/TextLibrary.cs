using System.Reflection;

namespace ElasticEp.Samples.Bench.Load;

/// <summary>The texts that prompts are cut from: those built in, or the user's.</summary>
internal static class TextLibrary
{
    /// <exception cref="BenchException">The path holds no text.</exception>
    public static IReadOnlyList<string> Load(string? path)
    {
        var texts = path is null ? BuiltIn() : FromPath(path);
        texts.RemoveAll(string.IsNullOrWhiteSpace);
        return texts.Count > 0 ? texts : throw new BenchException($"--dataset-path {path} holds no text.");
    }

    private static List<string> BuiltIn()
    {
        var assembly = Assembly.GetExecutingAssembly();
        var texts = new List<string>();
        foreach (var name in assembly.GetManifestResourceNames().Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            texts.Add(reader.ReadToEnd());
        }

        return texts;
    }

    private static List<string> FromPath(string path)
    {
        var files = Directory.Exists(path) ? Directory.GetFiles(path).Order(StringComparer.Ordinal).ToArray() : [path];
        try
        {
            return [.. files.Select(File.ReadAllText)];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new BenchException($"--dataset-path {path} cannot be read: {exception.Message}");
        }
    }
}
