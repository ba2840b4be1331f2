using System.Globalization;
using System.Text;
using System.Text.Json;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>JSON as Python's <c>json.dumps(…, ensure_ascii=False)</c> writes it, which is what models have seen in training.</summary>
internal static class PythonJson
{
    private const int LargestPlain = 16; // from this exponent on Python writes a power of ten
    private const int SmallestPlain = -4;

    public static string Write(JsonElement value)
    {
        var text = new StringBuilder();
        Write(text, value);
        return text.ToString();
    }

    private static void Write(StringBuilder text, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                WriteObject(text, value);
                break;
            case JsonValueKind.Array:
                text.Append('[');
                foreach (var item in value.EnumerateArray())
                {
                    Separate(text, '[');
                    Write(text, item);
                }

                text.Append(']');
                break;
            case JsonValueKind.String:
                WriteText(text, value.GetString()!);
                break;
            case JsonValueKind.Number:
                text.Append(Number(value.GetRawText()));
                break;
            default:
                text.Append(value.GetRawText()); // true, false, null
                break;
        }
    }

    /// <summary>A name that comes twice stays at its first place and has its last value.</summary>
    private static void WriteObject(StringBuilder text, JsonElement value)
    {
        var last = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var property in value.EnumerateObject())
            last[property.Name] = property.Value;
        text.Append('{');
        foreach (var name in value.EnumerateObject().Select(property => property.Name).Distinct(StringComparer.Ordinal))
        {
            Separate(text, '{');
            WriteText(text, name);
            text.Append(": ");
            Write(text, last[name]);
        }

        text.Append('}');
    }

    private static void Separate(StringBuilder text, char opening)
    {
        if (text[^1] != opening)
            text.Append(", ");
    }

    private static void WriteText(StringBuilder text, string value)
    {
        text.Append('"');
        foreach (var letter in value)
        {
            _ = letter switch
            {
                '"' => text.Append("\\\""),
                '\\' => text.Append("\\\\"),
                '\n' => text.Append("\\n"),
                '\r' => text.Append("\\r"),
                '\t' => text.Append("\\t"),
                '\f' => text.Append("\\f"),
                '\b' => text.Append("\\b"),
                < ' ' => text.Append(CultureInfo.InvariantCulture, $"\\u{(int)letter:x4}"),
                _ => text.Append(letter),
            };
        }

        text.Append('"');
    }

    /// <summary>Whole numbers as they are, others as Python's repr has them: the shortest digits that give the same double.</summary>
    private static string Number(string raw)
    {
        if (raw.AsSpan().IndexOfAny('.', 'e', 'E') < 0)
            return raw == "-0" ? "0" : raw;
        var value = double.Parse(raw, CultureInfo.InvariantCulture);
        var sign = double.IsNegative(value) ? "-" : "";
        if (double.IsInfinity(value))
            return $"{sign}Infinity";
        var (digits, exponent) = Digits(Math.Abs(value));
        if (exponent is >= SmallestPlain and < LargestPlain)
            return sign + Plain(digits, exponent);
        var fraction = digits.Length > 1 ? $".{digits[1..]}" : "";
        return $"{sign}{digits[0]}{fraction}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent).ToString("00", CultureInfo.InvariantCulture)}";
    }

    private static string Plain(string digits, int exponent)
    {
        if (exponent < 0)
            return $"0.{new string('0', -exponent - 1)}{digits}";
        var padded = digits.PadRight(exponent + 2, '0'); // at least one digit behind the point
        return $"{padded[..(exponent + 1)]}.{padded[(exponent + 1)..]}";
    }

    /// <summary>The digits without zeros around them, and the power of ten of the first one.</summary>
    private static (string Digits, int Exponent) Digits(double value)
    {
        if (value == 0)
            return ("0", 0);
        var text = value.ToString("R", CultureInfo.InvariantCulture);
        var power = text.IndexOf('E', StringComparison.Ordinal);
        var exponent = power < 0 ? 0 : int.Parse(text.AsSpan(power + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var mantissa = power < 0 ? text : text[..power];
        var point = mantissa.IndexOf('.', StringComparison.Ordinal);
        var digits = point < 0 ? mantissa : mantissa.Remove(point, 1);
        var significant = digits.TrimStart('0');
        return (significant.TrimEnd('0'), exponent + (point < 0 ? digits.Length : point) - 1 - (digits.Length - significant.Length));
    }
}
