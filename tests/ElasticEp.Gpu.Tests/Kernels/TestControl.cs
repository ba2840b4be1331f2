using ElasticEp.Cuda.Kernels;
using ElasticEp.Cuda.Windows;

namespace ElasticEp.Gpu.Tests.Kernels;

/// <summary>Control words for a test of one kernel: epoch 3, step 5, nothing has failed.</summary>
internal static class TestControl
{
    private const long Epoch = 3;
    private const long Step = 5;

    public static long Upload(IKernelMachine machine, int members, int rank, params int[] tokens)
    {
        var words = new byte[ExchangeControl.Bytes];
        WindowTables.FillHead(words, new WindowAttempt(Epoch, Step, TimeSpan.FromMilliseconds(5), tokens), members, rank, machine.Pin(ExchangeControl.HostBytes));
        BitConverter.TryWriteBytes(words.AsSpan(ExchangeControl.Status), ExchangeFailure.None);
        return machine.Upload<byte>(words);
    }

    public static long TagOf(int layer) => WindowTag.Of(Epoch, Step) + layer + 1;

    public static WindowFailure? StatusOf(IKernelMachine machine, long control) => WindowFailure.Of(machine.Download<long>(control + ExchangeControl.Status, 1)[0]);
}
