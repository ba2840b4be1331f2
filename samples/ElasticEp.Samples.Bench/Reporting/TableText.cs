using System.Globalization;
using System.Text;

namespace ElasticEp.Samples.Bench.Reporting;

/// <summary>Lines of a table that is 50 characters wide, as <c>vllm bench serve</c> prints them.</summary>
internal sealed class TableText
{
    private const int Width = 50;
    private const int LabelWidth = 40;
    private const int ValueWidth = 10;

    private readonly StringBuilder _text = new();

    /// <summary>A heading in the middle of a rule.</summary>
    public void Heading(string title, char rule = '-')
    {
        var left = Math.Max(0, (Width - title.Length) / 2);
        _text.Append(rule, left).Append(title).Append(rule, Math.Max(0, Width - title.Length - left)).Append('\n');
    }

    public void Rule() => _text.Append('=', Width).Append('\n');

    public void Line(string label, string value) => _text.Append(label.PadRight(LabelWidth)).Append(' ').Append(value.PadRight(ValueWidth)).Append('\n');

    public void Count(string label, long value) => Line(label, value.ToString(CultureInfo.InvariantCulture));

    /// <param name="label">What it is.</param>
    /// <param name="value">Shown with two decimals; null as a dash.</param>
    public void Line(string label, double? value) => Line(label, value?.ToString("F2", CultureInfo.InvariantCulture) ?? "-");

    public void Note(string text) => _text.Append(text).Append('\n');

    public override string ToString() => _text.ToString();
}
