namespace ElasticEp.Samples.Server.Http;

/// <summary>The caller's mistake: it gets the words.</summary>
/// <param name="message">What is wrong and what to give instead.</param>
/// <param name="parameter">The field.</param>
/// <param name="status">HTTP status.</param>
internal sealed class BadInputException(string message, string? parameter = null, int status = StatusCodes.Status400BadRequest) : Exception(message)
{
    public string? Parameter { get; } = parameter;

    public int Status { get; } = status;
}
