using System.Text;

namespace ElasticEp.Hosting.Processes;

/// <summary>Cuts a stream of characters into lines; a line that does not end is cut at a limit.</summary>
internal sealed class LineSplitter(int maxLength, Action<string> write)
{
    private readonly StringBuilder _line = new();

    public void Add(ReadOnlySpan<char> text)
    {
        foreach (var character in text)
        {
            if (character == '\n')
            {
                Write();
                continue;
            }

            if (character != '\r')
                _line.Append(character);
            if (_line.Length >= maxLength)
                Write();
        }
    }

    public void End()
    {
        if (_line.Length > 0)
            Write();
    }

    private void Write()
    {
        write(_line.ToString());
        _line.Clear();
    }
}
