namespace ElasticEp.Samples.Server.Http;

/// <summary>Finds where a JSON object ends in a text that comes in pieces; whether it is valid is not looked at.</summary>
internal struct JsonEnd
{
    private int _at;
    private int _depth;
    private bool _isInText;
    private bool _isEscaped;
    private int _found;

    /// <summary>Goes on where the last call has stopped.</summary>
    /// <param name="text">The object's text from its first brace on, as far as it is there.</param>
    /// <returns>The place after the brace that closes it; −1 when that has not come.</returns>
    public int Find(ReadOnlySpan<char> text)
    {
        for (; _found == 0 && _at < text.Length; _at++)
        {
            var letter = text[_at];
            if (_isEscaped)
                _isEscaped = false;
            else if (letter == '"')
                _isInText = !_isInText;
            else if (_isInText)
                _isEscaped = letter == '\\';
            else if (letter is '{' or '[')
                _depth++;
            else if (letter is '}' or ']' && --_depth == 0)
                _found = _at + 1;
        }

        return _found > 0 ? _found : -1;
    }
}
