using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace ElasticEp.Tests.Rdma;

/// <summary>A C program that is compiled with the installed headers says where the fields of UCX's structs lie.</summary>
public sealed class UcxLayoutTests
{
    private const string Headers = "/usr/include/ucp/api/ucp.h";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Structs_and_constants_are_those_of_the_installed_headers()
    {
        Assert.SkipUnless(File.Exists(Headers), $"The headers of UCX are not installed ({Headers}; libucx-dev on Debian).");
        Assert.SkipUnless(await TryRunAsync("cc", "--version") is not null, "There is no C compiler.");
        var folder = Directory.CreateTempSubdirectory("elasticep-layout-");
        try
        {
            var (source, program) = (Path.Combine(folder.FullName, "layout.c"), Path.Combine(folder.FullName, "layout"));
            await File.WriteAllTextAsync(source, Program(), TestContext.Current.CancellationToken);
            Assert.NotNull(await TryRunAsync("cc", source, "-o", program));
            var lines = (await TryRunAsync(program))!.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal(Expected(), lines.Where(line => !line.StartsWith("sizeof ", StringComparison.Ordinal)));
            foreach (var size in lines.Where(line => line.StartsWith("sizeof ", StringComparison.Ordinal)).Select(line => line.Split(' ')))
            {
                var ours = Marshal.SizeOf(UcxStructs.All.Single(all => all.Native == size[1]).Managed);
                Assert.True(ours >= int.Parse(size[2], CultureInfo.InvariantCulture), $"{size[1]} has {size[2]} bytes, ours {ours}: UCX would read or write beyond it.");
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static IEnumerable<string> Expected()
    {
        foreach (var (native, managed, fields) in UcxStructs.All)
        {
            foreach (var field in fields)
                yield return $"{native}.{field.Native} {Marshal.OffsetOf(managed, field.Managed)}";
        }

        foreach (var (native, managed) in UcxStructs.Constants)
            yield return $"{native} = {managed}";
        yield return "sizeof-status 1";
    }

    private static string Program()
    {
        var text = new StringBuilder("#include <stddef.h>\n#include <stdio.h>\n#include <ucp/api/ucp.h>\nint main(void) {\n");
        foreach (var (native, _, fields) in UcxStructs.All)
        {
            text.Append(CultureInfo.InvariantCulture, $"printf(\"sizeof {native} %zu\\n\", sizeof({native}));\n");
            foreach (var field in fields)
                text.Append(CultureInfo.InvariantCulture, $"printf(\"{native}.{field.Native} %zu\\n\", offsetof({native}, {field.Native}));\n");
        }

        foreach (var (native, _) in UcxStructs.Constants)
            text.Append(CultureInfo.InvariantCulture, $"printf(\"{native} = %llu\\n\", (unsigned long long)({native}));\n");
        return text.Append("printf(\"sizeof-status %zu\\n\", sizeof(ucs_status_t));\nreturn 0;\n}\n").ToString();
    }

    /// <returns>What it printed; null when it cannot be started or fails.</returns>
    private static async Task<string?> TryRunAsync(string file, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true })!;
            var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Deadline);
            return process.ExitCode == 0 ? await output : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
