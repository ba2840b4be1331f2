using System.Globalization;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>What <c>nfc.txt</c> says of code points; <c>make-nfc.py</c> writes it from the Unicode character database.</summary>
internal sealed class NfcTables
{
    private readonly Dictionary<int, int> _classes = [];

    private NfcTables()
    {
    }

    /// <summary>Code point → its whole canonical decomposition.</summary>
    public Dictionary<int, int[]> Decompositions { get; } = [];

    /// <summary>Two code points → the one that they compose to.</summary>
    public Dictionary<(int First, int Second), int> Composites { get; } = [];

    public static NfcTables Read()
    {
        var tables = new NfcTables();
        using var reader = new StreamReader(typeof(NfcTables).Assembly.GetManifestResourceStream("nfc.txt")!);
        while (reader.ReadLine() is { } line)
        {
            var numbers = line.Length < 2 || line[0] == '#' ? [] : line[2..].Split(' ').Select(number => int.Parse(number, NumberStyles.HexNumber, CultureInfo.InvariantCulture)).ToArray();
            switch (line.FirstOrDefault())
            {
                case 'd':
                    tables.Decompositions[numbers[0]] = numbers[1..];
                    break;
                case 'c':
                    tables.Composites[(numbers[1], numbers[2])] = numbers[0];
                    break;
                case 'm':
                    for (var point = numbers[1]; point <= numbers[2]; point++)
                        tables._classes[point] = numbers[0];
                    break;
            }
        }

        return tables;
    }

    /// <summary>The combining class; 0 for what is no mark.</summary>
    public int ClassOf(int point) => _classes.GetValueOrDefault(point);
}
