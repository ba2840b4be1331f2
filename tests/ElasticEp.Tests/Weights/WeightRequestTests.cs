using ElasticEp.Protocol;
using ElasticEp.Weights;

namespace ElasticEp.Tests.Weights;

public class WeightRequestTests
{
    private static readonly WeightRequest Sound = new() { TransferId = 7, Item = WeightItem.Expert(3, 120), Offset = 1L << 40, Length = 9, Manifest = ulong.MaxValue };

    public static TheoryData<string> Faults => ["id", "kind", "layer", "index", "offset", "length", "cancel"];

    [Fact]
    public void A_request_survives_the_wire()
    {
        Assert.Equal(Sound, RoundTrip(Sound));
        var cancel = Sound with { IsCancel = true, Length = 0 };
        Assert.Equal(cancel, RoundTrip(cancel));
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_malformed_request_is_refused(string fault)
    {
        var wrong = fault switch
        {
            "id" => Sound with { TransferId = -1 },
            "kind" => Sound with { Item = Sound.Item with { Kind = (WeightKind)2 } },
            "layer" => Sound with { Item = Sound.Item with { Layer = -1 } },
            "index" => Sound with { Item = Sound.Item with { Index = -1 } },
            "offset" => Sound with { Offset = -1 },
            "length" => Sound with { Length = 0 },
            _ => Sound with { IsCancel = true },
        };

        var error = Assert.Throws<ElasticEpException>(() => RoundTrip(wrong));

        Assert.Equal(ElasticEpErrorCode.ProtocolViolation, error.Code);
    }

    private static WeightRequest RoundTrip(WeightRequest request)
    {
        var writer = new WireWriter();
        request.Write(writer);
        var reader = new WireReader(writer.Written.Span);
        var read = WeightRequest.Read(ref reader);
        reader.End();
        return read;
    }
}
