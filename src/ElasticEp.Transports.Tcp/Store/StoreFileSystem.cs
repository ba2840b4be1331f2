using System.Runtime.InteropServices;

namespace ElasticEp.Transports.Tcp.Store;

/// <summary>Replaces a file so that a crash leaves the old one or the new one.</summary>
internal static unsafe partial class StoreFileSystem
{
    /// <summary>Writes a file beside, flushes it, renames it over <paramref name="path"/> and flushes the folder.</summary>
    /// <returns>The new file, open at its end.</returns>
    public static FileStream Replace(string path, ReadOnlySpan<byte> content)
    {
        var beside = path + ".new";
        var file = new FileStream(beside, FileMode.Create, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete, bufferSize: 0);
        try
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
            File.Move(beside, path, overwrite: true);
            if (!OperatingSystem.IsWindows())
                FlushFolder(Path.GetDirectoryName(path)!);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static void FlushFolder(string folder)
    {
        var handle = Open(folder, 0); // O_RDONLY
        if (handle < 0)
            throw new IOException($"The folder '{folder}' cannot be opened (errno {Marshal.GetLastPInvokeError()}).");
        var outcome = Flush(handle);
        var error = Marshal.GetLastPInvokeError();
        _ = Close(handle);
        if (outcome != 0)
            throw new IOException($"The folder '{folder}' cannot be flushed (errno {error}).");
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Flush(int handle);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int handle);
}
