using System.Threading.Channels;

namespace ElasticEp.Gpu.Tests.Groups;

/// <summary>What all ranks computed: every step must give the same.</summary>
internal sealed class GpuOutputs
{
    private readonly Channel<int> _steps = Channel.CreateBounded<int>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
    private readonly float[] _expected = GpuModel.Output();

    /// <summary>The first thing that went wrong.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Completed steps of all ranks.</summary>
    public long Steps { get; private set; }

    public void Check(GroupView view, float[] output)
    {
        if (!output.AsSpan().SequenceEqual(_expected))
            Fail(new InvalidOperationException($"Under {view} {string.Join(' ', output)} came out, not {string.Join(' ', _expected)}."));
        lock (_steps)
            Steps++;
        _steps.Writer.TryWrite(view.Members.Length);
    }

    public void Fail(Exception failure)
    {
        Failure ??= failure;
        _steps.Writer.TryWrite(0);
    }

    /// <summary>Returns when steps have been completed under views of so many members.</summary>
    public async Task WaitAsync(int members, int steps, CancellationToken cancellationToken)
    {
        while (steps > 0)
        {
            var found = await _steps.Reader.ReadAsync(cancellationToken);
            if (Failure is { } failure)
                throw new InvalidOperationException("A rank failed.", failure);
            steps -= found == members ? 1 : 0;
        }
    }
}
