namespace ElasticEp.Samples.Server.Http;

/// <summary>A call of a tool in an answer.</summary>
/// <param name="Id">Its id, by which the result is given.</param>
/// <param name="Name">The tool.</param>
/// <param name="Arguments">A JSON object, as the model wrote it.</param>
internal sealed record ChatToolCall(string Id, string Name, string Arguments);
