using ElasticEp.Cuda;

namespace ElasticEp.Gpu.Tests.Cuda;

public sealed class CudaProbeTests
{
    [Fact]
    public void Without_a_gpu_there_is_a_reason_and_opening_one_says_it()
    {
        var count = CudaDevice.Probe(out var reason);
        Assert.SkipWhen(count > 0, "There is a GPU here.");
        Assert.NotEmpty(reason);
        Assert.Equal(reason, Assert.Throws<ElasticEpException>(() => CudaDevice.Open(0)).Message);
        Assert.Equal(reason, Assert.Throws<ElasticEpException>(() => CudaDevice.Open("GPU-1")).Message);
    }

    [Fact]
    public void A_uuid_is_written_as_the_driver_s_tools_write_it() =>
        Assert.Equal("GPU-00112233-4455-6677-8899-aabbccddeeff", CudaFacts.FormatUuid([0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF]));
}
