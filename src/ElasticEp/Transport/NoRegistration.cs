namespace ElasticEp.Transport;

/// <summary>The registration of memory with a transport that needs none.</summary>
internal sealed class NoRegistration : IDisposable
{
    public static NoRegistration Instance { get; } = new();

    /// <exception cref="ArgumentException">The transport cannot use such memory.</exception>
    public static IDisposable For(ITransport transport, EpBuffer memory) => memory.IsEmpty || transport.CanUse(memory.Kind)
        ? Instance
        : throw new ArgumentException($"{memory.ByteLength} bytes of {memory.Kind} memory cannot be registered with a transport that uses host memory only.", nameof(memory));

    public void Dispose()
    {
    }
}
