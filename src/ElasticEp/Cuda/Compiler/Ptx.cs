namespace ElasticEp.Cuda;

/// <summary>A compiled method.</summary>
/// <param name="Method">The method, for messages.</param>
/// <param name="EntryPoint">Its name in the text.</param>
/// <param name="Parameters">How many parameters it has.</param>
/// <param name="Text">The text that the driver compiles.</param>
internal sealed record Ptx(string Method, string EntryPoint, int Parameters, string Text);
