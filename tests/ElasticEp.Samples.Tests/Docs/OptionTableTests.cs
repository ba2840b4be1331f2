using System.Globalization;
using System.Reflection;
using ElasticEp.Hosting;
using ElasticEp.Samples.Server;
using ElasticEp.Transports.Rdma;
using ElasticEp.Transports.Tcp;

namespace ElasticEp.Samples.Tests.Docs;

/// <summary>The tables of docs/options.md have every option, with the default that the code has.</summary>
public sealed class OptionTableTests
{
    private static readonly string Document = RepositoryFiles.Read("docs/options.md");

    [Theory]
    [InlineData(typeof(ElasticEpOptions))]
    [InlineData(typeof(MoeModelShape))]
    [InlineData(typeof(TcpOptions))]
    [InlineData(typeof(RdmaOptions))]
    [InlineData(typeof(LocalProcessLauncherOptions))]
    public void Every_option_of_the_library_is_there_with_its_default(Type type)
    {
        var options = Activator.CreateInstance(type)!;
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.PropertyType != typeof(MoeModelShape)))
        {
            var name = type == typeof(MoeModelShape) ? $"Model.{property.Name}" : property.Name;
            Assert.Contains($"\n| `{name}` | {Format(property.GetValue(options))} |", Document, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Every_option_of_the_server_is_there_as_its_help_has_it()
    {
        foreach (var option in ServerOptions.All)
        {
            Assert.Contains($"\n| `--{option.Name} {option.Value}` | {option.Default} | {option.Help} |", Document, StringComparison.Ordinal);
            Assert.Contains($"--{option.Name} {option.Value}", ServerOptions.Help(), StringComparison.Ordinal);
        }
    }

    private static string Format(object? value) => value switch
    {
        TimeSpan time => time == TimeSpan.Zero ? "0" : time.TotalMilliseconds < 1 ? $"{time.TotalMicroseconds} µs" : time.TotalSeconds < 60 ? $"{time.TotalSeconds} s" : $"{time.TotalMinutes} min",
        bool flag => flag ? "true" : "false",
        string text => $"`{text}`",
        System.Collections.IEnumerable => "",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };
}
