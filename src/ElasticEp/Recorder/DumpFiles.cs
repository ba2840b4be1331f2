using System.Globalization;

namespace ElasticEp.Recorder;

/// <summary>Writes dumps to files that only this user can read. The latest few of each rank stay: a process that is started again and again does not fill a disk.</summary>
internal static class DumpFiles
{
    /// <summary>How many dumps of a rank stay in a directory, whichever processes have written them.</summary>
    public const int MostOfARank = 8;

    public const string Extension = ".dump";

    private const string PartExtension = ".part";
    private static readonly TimeSpan LongestWrite = TimeSpan.FromHours(1);

    public static string DirectoryOf(ElasticEpOptions options) => options.DumpDirectory ?? Path.Combine(Path.GetTempPath(), $"elasticep-{Environment.UserName}");

    /// <returns>Full path of the file.</returns>
    public static string Write(Dump dump, string directory)
    {
        Create(directory);
        var rank = $"{Clean(dump.Group)}-rank-{dump.Self.Rank}-";
        var name = string.Create(CultureInfo.InvariantCulture, $"{rank}{dump.At.UtcDateTime:yyyyMMdd'T'HHmmss.fff'Z'}-{dump.Self.Incarnation}{Extension}"); // the time first: names are in its order
        var path = Path.GetFullPath(Path.Combine(directory, name));
        WriteWhole(path, DumpCodec.Encode(dump));
        foreach (var old in Directory.GetFiles(directory, $"{rank}*{Extension}").OrderDescending(StringComparer.Ordinal).Skip(MostOfARank))
            TryDelete(old);
        foreach (var part in Directory.GetFiles(directory, $"{rank}*{PartExtension}").Where(part => dump.At.UtcDateTime - File.GetLastWriteTimeUtc(part) > LongestWrite))
            TryDelete(part); // of a process that was killed while it wrote
        return path;
    }

    /// <summary>Another user's, or gone meanwhile: it concerns no dump that is written.</summary>
    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // it stays
        }
    }

    private static void Create(string directory)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(directory);
        else
            Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>Nobody sees a file that is written in part.</summary>
    private static void WriteWhole(string path, byte[] bytes)
    {
        var part = $"{path}.{Guid.NewGuid():N}{PartExtension}";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        try
        {
            using (var file = new FileStream(part, options))
                file.Write(bytes);
            File.Move(part, path, overwrite: true);
        }
        catch
        {
            TryDelete(part);
            throw;
        }
    }

    private static string Clean(string group) => string.Concat(group.Select(letter => char.IsAsciiLetterOrDigit(letter) || letter is '.' or '_' ? letter : '_'));
}
