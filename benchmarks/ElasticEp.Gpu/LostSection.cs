using ElasticEp.Cuda;

namespace ElasticEp.Gpu;

/// <summary>What an illegal address costs. It happens in a process of its own, which can use that GPU no longer.</summary>
internal static class LostSection
{
    public const string Named = "an illegal address is named and loses the context";
    public const string Fresh = "a new process uses the GPU again";
    private const string Mark = "LOST ";

    public static void Run(Report report)
    {
        var found = new List<string>();
        var result = Child.Run(Environment.ProcessPath!, ["--section", "lost-child"], TimeSpan.FromSeconds(20), line =>
        {
            if (line.StartsWith(Mark, StringComparison.Ordinal))
                found.Add(line[Mark.Length..]);
            else
                report.Note(line);
        });
        report.Check(Named, result == 0 && found.Count == 3 && found[0] == "CUDA_ERROR_ILLEGAL_ADDRESS, lost" && found[1] == found[0], string.Join("; then ", found.Take(2)));
        report.Figure("another GPU of the process that lost one", found.Count == 3 ? found[2] : "not known");
        report.Check(Fresh, TestsSection.TrySample(out var last), last);
    }

    public static void RunChild(Report report)
    {
        using var other = CudaDevice.Probe(out _) > 1 ? new Target(1) : null;
        other?.Write(other.Memory.Address);
        using var device = new Target(0);
        report.Note(Mark + Try(() => device.Write(64)));
        report.Note(Mark + Try(() => device.Write(device.Memory.Address)));
        report.Note(Mark + (other is null ? "there is none" : Try(() => other.Write(other.Memory.Address))));
    }

    private static string Try(Action action)
    {
        try
        {
            action();
            return "works";
        }
        catch (CudaException exception)
        {
            return $"{exception.ErrorName}, {(exception.IsContextLost ? "lost" : "not lost")}";
        }
    }

    private static unsafe void WriteOne(long address) => *(int*)address = 1;

    /// <summary>A device with what it takes to write to its memory.</summary>
    private sealed class Target : IDisposable
    {
        private readonly CudaDevice _device;
        private readonly CudaStream _stream;
        private readonly CudaKernel _kernel;

        public Target(int ordinal)
        {
            _device = CudaDevice.Open(ordinal);
            _stream = _device.CreateStream();
            _kernel = _device.LoadKernel(WriteOne);
            Memory = _device.Allocate(sizeof(int));
        }

        public CudaMemory Memory { get; }

        public void Write(long address)
        {
            _kernel.Launch(_stream, new CudaLaunch(1, 1), address);
            _stream.Synchronize();
        }

        public void Dispose()
        {
            Memory.Dispose();
            _kernel.Dispose();
            _stream.Dispose();
            _device.Dispose();
        }
    }
}
