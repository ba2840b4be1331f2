using System.Runtime.InteropServices;
using ElasticEp;
using ElasticEp.Cuda;
using ElasticEp.Samples.GpuExpert;

// An expert of the embedder's own, written in C#, compiled to PTX and run on a GPU: no CUDA toolkit, no native code.
const int Experts = 4, Rows = 100, Hidden = 256, Inner = 96;
if (CudaDevice.Probe(out var reason) == 0)
{
    Console.WriteLine($"No GPU: {reason}");
    return 2;
}

var random = new Random(1);
float[] rows = Numbers(Rows * Hidden), weights = Numbers(Experts * 2 * Inner * Hidden), output = new float[Rows * Inner];
int[] offsets = [0, 17, 17, 60, Rows]; // the second expert has no rows

using var device = CudaDevice.Open(0);
using var stream = device.CreateStream();
using var kernel = device.LoadKernel(ExpertKernel.Run, threads: 128);
using var deviceRows = Upload<float>(rows);
using var deviceWeights = Upload<float>(weights);
using var deviceOffsets = Upload<int>(offsets);
using var deviceOutput = Upload<float>(output);
kernel.Launch(stream, new CudaLaunch(16, 128) { Rows = Experts }, deviceRows, deviceOffsets, deviceWeights, deviceOutput, Hidden, Inner);
using var back = device.AllocatePinned(deviceOutput.ByteLength);
stream.Copy(deviceOutput.AsBuffer(ElementType.Float32), back.AsBuffer(ElementType.Float32));
stream.Synchronize();
back.AsBuffer(ElementType.Float32).AsSpan<float>().CopyTo(output);

var worst = 0.0;
for (var expert = 0; expert < Experts; expert++)
{
    for (var row = offsets[expert]; row < offsets[expert + 1]; row++)
    {
        for (var i = 0; i < Inner; i++)
            worst = Math.Max(worst, Math.Abs(Expect(expert, row, i) - output[(row * Inner) + i]));
    }
}

Console.WriteLine($"{Rows} rows through {Experts} experts on {device}: largest difference from double precision {worst:E1}");
return worst < 1e-3 ? 0 : 1;

float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];

CudaMemory Upload<T>(T[] values)
    where T : unmanaged
{
    var bytes = MemoryMarshal.AsBytes(values.AsSpan());
    using var pinned = device.AllocatePinned(bytes.Length);
    bytes.CopyTo(pinned.AsBuffer(ElementType.Byte).AsSpan<byte>());
    var memory = device.Allocate(bytes.Length);
    stream.Copy(pinned.AsBuffer(ElementType.Byte), memory.AsBuffer(ElementType.Byte));
    stream.Synchronize(); // before the pinned memory goes
    return memory;
}

double Expect(int expert, int row, int i)
{
    double gate = 0, up = 0;
    for (var k = 0; k < Hidden; k++)
    {
        gate += (double)rows[(row * Hidden) + k] * weights[(((expert * 2 * Inner) + i) * Hidden) + k];
        up += (double)rows[(row * Hidden) + k] * weights[(((expert * 2 * Inner) + Inner + i) * Hidden) + k];
    }

    return gate / (1 + Math.Exp(-gate)) * up;
}
