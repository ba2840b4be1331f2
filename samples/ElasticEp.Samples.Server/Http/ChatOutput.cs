using System.Text;
using System.Text.Json;
using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Samples.Server.Http;

/// <summary>
/// Parts an answer's text into thoughts, content and calls of tools, as it comes in pieces. All pieces together give the same however the text is
/// cut. A call is given out when it is whole: what turns out to be none stays content. Line breaks around thoughts, and white space around calls,
/// belong to the markup.
/// </summary>
internal sealed class ChatOutput
{
    private readonly ChatReading _reading;
    private readonly StringBuilder _reasoning = new();
    private readonly StringBuilder _content = new();
    private readonly List<ChatToolCall> _calls = [];
    private string _held = ""; // what cannot be told yet
    private Func<bool, bool> _state;
    private bool _isSkippingBreaks; // at the beginning of thoughts, and of what follows them
    private bool _isSkippingSpace; // after a call
    private string _gap = ""; // white space before what may be a call
    private string _separator = ""; // white space that a call has taken the place of; it parts content before and after
    private bool _hasSaid;
    private JsonEnd _end;

    public ChatOutput(ChatReading reading)
    {
        _reading = reading;
        _state = reading.Thinking == ChatThinking.None ? ReadContent : ReadStart;
    }

    /// <summary>Calls so far.</summary>
    public int Calls { get; private set; }

    /// <summary>Takes a piece of the text.</summary>
    /// <param name="text">The piece; may be empty.</param>
    /// <param name="isLast">Whether nothing follows: what was held back comes out.</param>
    public ChatDelta Add(string text, bool isLast)
    {
        if (_reading == default)
            return new ChatDelta("", text, []);
        _held += text;
        while (_state(isLast))
        {
        }

        var delta = new ChatDelta(_reasoning.ToString(), _content.ToString(), [.. _calls]);
        _reasoning.Clear();
        _content.Clear();
        _calls.Clear();
        return delta;
    }

    // Each state takes what it can of the held text, and says whether another one has the turn.

    /// <summary>Thoughts begin with their tag; only where the prompt has opened them they may begin without it.</summary>
    private bool ReadStart(bool isLast)
    {
        var text = _held.TrimStart();
        if (text.StartsWith(ChatRenderer.ThoughtsStart, StringComparison.Ordinal))
            return Begin(ReadThoughts, text[ChatRenderer.ThoughtsStart.Length..], skipsBreaks: true);
        if (!isLast && ChatRenderer.ThoughtsStart.StartsWith(text, StringComparison.Ordinal))
            return false;
        return _reading.Thinking == ChatThinking.Always ? Begin(ReadThoughts, _held, skipsBreaks: true) : Begin(ReadContent, _held, skipsBreaks: false);
    }

    private bool ReadThoughts(bool isLast)
    {
        SkipBreaks();
        var end = _held.IndexOf(ChatRenderer.ThoughtsEnd, StringComparison.Ordinal);
        if (end >= 0)
        {
            _reasoning.Append(_held.AsSpan(0, end).TrimEnd('\n'));
            return Begin(ReadContent, _held[(end + ChatRenderer.ThoughtsEnd.Length)..], skipsBreaks: true);
        }

        var told = isLast ? _held.Length : _held.Length - Overlap(_held, ChatRenderer.ThoughtsEnd);
        told = _held.AsSpan(0, told).TrimEnd('\n').Length;
        _reasoning.Append(_held, 0, told);
        _held = isLast ? "" : _held[told..];
        return false;
    }

    private bool ReadContent(bool isLast)
    {
        SkipBreaks();
        if (_isSkippingSpace)
        {
            _held = _held.TrimStart();
            _isSkippingSpace = _held.Length == 0;
        }

        if (_reading.MaxCalls == 0)
            return Tell(_held.Length);
        var call = _held.IndexOf(ChatRenderer.CallStart, StringComparison.Ordinal);
        if (call < 0)
            return Tell(isLast ? _held.Length : _held.AsSpan(0, _held.Length - Overlap(_held, ChatRenderer.CallStart)).TrimEnd().Length);
        var said = _held.AsSpan(0, call).TrimEnd().Length;
        _gap = _held[said..call];
        Say(_held[..said]);
        _end = default;
        return Begin(ReadCall, _held[(call + ChatRenderer.CallStart.Length)..], skipsBreaks: false);
    }

    private bool ReadCall(bool isLast)
    {
        var text = _held.AsSpan().TrimStart();
        if (text.IsEmpty && !isLast)
            return false;
        var length = text.StartsWith('{') ? _end.Find(text) : 0;
        if (length < 0 && !isLast)
            return false;
        if (length <= 0)
            return Refuse();
        var rest = text[length..].TrimStart();
        var isClosed = rest.StartsWith(ChatRenderer.CallEnd, StringComparison.Ordinal);
        var mayClose = ChatRenderer.CallEnd.AsSpan().StartsWith(rest, StringComparison.Ordinal);
        if (!isClosed && mayClose && !isLast)
            return false;
        if ((!isClosed && !mayClose) || Parse(text[..length].ToString()) is not { } call)
            return Refuse();
        if (Calls < _reading.MaxCalls)
        {
            _calls.Add(call);
            Calls++;
        }

        _separator = _separator.Length > 0 ? _separator : _gap;
        _isSkippingSpace = true;
        return Begin(ReadContent, isClosed ? rest[ChatRenderer.CallEnd.Length..].ToString() : "", skipsBreaks: false);
    }

    /// <summary>It was no call: its tag is content, and what follows may have calls.</summary>
    private bool Refuse()
    {
        Say(_gap + ChatRenderer.CallStart);
        return Begin(ReadContent, _held, skipsBreaks: false);
    }

    private static ChatToolCall? Parse(string json)
    {
        try
        {
            using var call = JsonDocument.Parse(json);
            return call.RootElement.TryGetProperty("name", out var name) && name.ValueKind == JsonValueKind.String && name.GetString() is { Length: > 0 } tool
                && call.RootElement.TryGetProperty("arguments", out var arguments) && arguments.ValueKind == JsonValueKind.Object
                ? new ChatToolCall($"call_{Guid.NewGuid():N}", tool, arguments.GetRawText())
                : null;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private bool Begin(Func<bool, bool> state, string held, bool skipsBreaks)
    {
        _state = state;
        _held = held;
        _isSkippingBreaks = skipsBreaks;
        return true;
    }

    private bool Tell(int length)
    {
        Say(_held[..length]);
        _held = _held[length..];
        return false;
    }

    private void Say(string text)
    {
        if (text.Length == 0)
            return;
        if (_hasSaid)
            _content.Append(_separator);
        _separator = "";
        _hasSaid = true;
        _content.Append(text);
    }

    private void SkipBreaks()
    {
        if (!_isSkippingBreaks)
            return;
        _held = _held.TrimStart('\n');
        _isSkippingBreaks = _held.Length == 0;
    }

    /// <summary>Length of the longest end of a text that begins a tag.</summary>
    private static int Overlap(string text, string tag)
    {
        var length = Math.Min(text.Length, tag.Length - 1);
        while (length > 0 && !text.AsSpan().EndsWith(tag.AsSpan(0, length), StringComparison.Ordinal))
            length--;
        return length;
    }
}
