namespace ElasticEp.Recorder;

/// <summary>What is kept of an exception: its type and message, and nothing that it holds on to.</summary>
internal sealed class RecordedFailure(string type, string message) : Exception(message)
{
    public string Type { get; } = type;

    public static RecordedFailure Of(Exception exception) => exception as RecordedFailure ?? new RecordedFailure(exception.GetType().Name, exception.Message);

    public override string ToString() => $"{Type}: {Message}";
}
