using ElasticEp.Protocol;
using ElasticEp.Weights;

namespace ElasticEp.Tests.Weights;

public class WeightRegistryTests
{
    [Fact]
    public void A_complete_registry_describes_itself()
    {
        var manifest = Registered(layers: 2).Manifest;

        Assert.Equal(["embed", "head"], manifest.Dense.Select(item => item.Name));
        Assert.Equal(150, manifest.DenseBytes);
        Assert.Equal(128 + 64, manifest.ExpertBytes(1));
        Assert.Null(manifest.FindDifference(Registered(layers: 2).Manifest));
        Assert.Equal(manifest.Digest, Registered(layers: 2).Manifest.Digest);
    }

    [Fact]
    public void The_first_difference_of_two_manifests_is_named()
    {
        var mine = Registered(layers: 2).Manifest;

        Assert.Equal("this rank has 2 MoE layers, the peer 1", mine.FindDifference(Registered(layers: 1).Manifest));
        var other = Registered(layers: 2, down: 41).Manifest;
        Assert.Equal("layer 0, expert part 1: this rank has \"down\" of 40 bytes, the peer \"down\" of 41 bytes", mine.FindDifference(other));
        Assert.NotEqual(mine.Digest, other.Digest);
    }

    [Fact]
    public void A_manifest_survives_the_wire()
    {
        var manifest = Registered(layers: 3).Manifest;
        var writer = new WireWriter();
        manifest.Write(writer);
        var reader = new WireReader(writer.Written.Span);

        var read = WeightManifest.Read(ref reader);

        reader.End();
        Assert.Equal(manifest.Digest, read.Digest);
    }

    [Fact]
    public void A_manifest_with_an_impossible_length_is_refused()
    {
        var writer = new WireWriter();
        writer.Int(1);
        writer.Text("embed");
        writer.Long(-4);

        var error = Assert.Throws<ElasticEpException>(() =>
        {
            var reader = new WireReader(writer.Written.Span);
            return WeightManifest.Read(ref reader);
        });

        Assert.Equal(ElasticEpErrorCode.ProtocolViolation, error.Code);
    }

    [Fact]
    public void A_name_is_registered_once()
    {
        var registry = new WeightRegistry(1);
        registry.AddDense("embed", Bytes(8));

        Refused("Dense memory \"embed\" is registered twice.", () => registry.AddDense("embed", Bytes(8)));
        Refused("The experts of layer 0 have two parts \"up\".", () => registry.DescribeExperts(0, [new("up", 8), new("up", 8)]));
    }

    [Fact]
    public void Names_and_lengths_must_be_there()
    {
        var registry = new WeightRegistry(1);

        Refused("Dense memory has no name.", () => registry.AddDense("", Bytes(8)));
        Refused("Dense memory, \"embed\", has a length of 0 bytes; it must be positive.", () => registry.AddDense("embed", default));
        Refused("A part of the experts of layer 0, \"up\", has a length of -1 bytes; it must be positive.", () => registry.DescribeExperts(0, [new("up", -1)]));
        Refused("The experts of layer 0 have no parts.", () => registry.DescribeExperts(0, []));
    }

    [Fact]
    public void Every_layer_is_described_once()
    {
        var registry = new WeightRegistry(3);
        registry.DescribeExperts(1, [new("up", 8)]);

        Refused("The experts of layer 1 are described twice.", () => registry.DescribeExperts(1, [new("up", 8)]));
        Refused("Layer 3 is outside 0 to MoeLayers − 1 = 2.", () => registry.DescribeExperts(3, [new("up", 8)]));
        Refused("The experts of layers [0 2] are not described; call DescribeExperts for each of the 3 MoE layers.", registry.Complete);
    }

    [Fact]
    public void Device_memory_is_refused()
    {
        var memory = EpBuffer.FromPointer(64, 8, ElementType.Byte, MemoryKind.Device, 0);

        Refused("Dense memory \"embed\" is on a device; register host or pinned memory, and copy it to the device in WarmUpAsync.", () => new WeightRegistry(0).AddDense("embed", memory));
    }

    [Fact]
    public void Nothing_is_registered_after_completion()
    {
        var registry = Registered(layers: 1);

        var error = Assert.Throws<ElasticEpException>(() => registry.AddDense("late", Bytes(8)));

        Assert.Equal(ElasticEpErrorCode.InvalidState, error.Code);
    }

    private static WeightRegistry Registered(int layers, int down = 40)
    {
        var registry = new WeightRegistry(layers);
        registry.AddDense("embed", Bytes(100));
        registry.AddDense("head", Bytes(50));
        for (var layer = 0; layer < layers; layer++)
            registry.DescribeExperts(layer, [new("up", 100), new("down", down)]);
        registry.Complete();
        return registry;
    }

    private static EpBuffer Bytes(int length) => EpBuffer.From(new byte[length]);

    private static void Refused(string message, Action act)
    {
        var error = Assert.Throws<ElasticEpException>(act);
        Assert.Equal((ElasticEpErrorCode.InvalidArgument, message), (error.Code, error.Message));
    }
}
