using System.IO.Hashing;
using System.Runtime.InteropServices;
using ElasticEp.Placement;
using ElasticEp.Protocol;
using ElasticEp.Tests.Membership;

namespace ElasticEp.Tests.Protocol;

/// <summary>What messages share instead of copying it.</summary>
public sealed class PieceTests
{
    private static readonly GroupView Base = TestViews.View(1, 0, 1);
    private static readonly GroupView Next = TestViews.View(2, 0, 1, 2);

    [Fact]
    public void The_pieces_of_a_message_are_its_bytes_in_order()
    {
        foreach (var message in (ProtocolMessage[])[new StopMessage(1, 2), Prepare(1, BaseView.Of(Base)), Prepare(1, BaseView.NameOf(Base)), new StartMessage(Next, 7, "op", 1) { Reloading = [2] }])
            Assert.Equal(MessageCodec.Encode(message).ToArray(), MessageCodec.EncodePieces(message).SelectMany(piece => piece.ToArray()));
    }

    [Fact]
    public void All_messages_with_a_view_have_the_same_memory_of_it()
    {
        var (one, other, start) = (MessageCodec.EncodePieces(Prepare(1, BaseView.NameOf(Base))), MessageCodec.EncodePieces(Prepare(2, BaseView.NameOf(Base))), MessageCodec.EncodePieces(new StartMessage(Next, 7, "op", 1)));
        foreach (var shared in (ReadOnlyMemory<byte>[])[Next.Head, Next.Placement.Encode()])
        {
            foreach (var pieces in (ReadOnlyMemory<byte>[][])[one, other, start])
                Assert.Contains(pieces, piece => IsSame(piece, shared));
        }
    }

    [Fact]
    public void Whoever_knows_the_base_is_not_sent_it()
    {
        var named = MessageCodec.EncodePieces(Prepare(1, BaseView.NameOf(Base)));
        Assert.DoesNotContain(named, piece => IsSame(piece, Base.Placement.Encode()));
        Assert.Contains(MessageCodec.EncodePieces(Prepare(1, BaseView.Of(Base))), piece => IsSame(piece, Base.Placement.Encode()));
    }

    [Fact]
    public void Views_of_one_placement_share_its_encoding()
    {
        var later = new GroupView(9, 0, 0, Base.Members, Base.Placement);
        Assert.True(IsSame(Base.Placement.Encode(), later.Placement.Encode()));
        Assert.NotEqual(Base.Digest, later.Digest);
    }

    [Fact]
    public void The_digest_of_a_view_is_the_hash_of_its_encoding()
    {
        var writer = new WireWriter();
        ViewCodec.Write(writer, Next);
        Assert.Equal(XxHash64.HashToUInt64(writer.Written.Span), Next.Digest);
    }

    [Theory]
    [InlineData("s")]
    [InlineData("so")]
    [InlineData("os")]
    [InlineData("ossoso")]
    [InlineData("o")]
    [InlineData("")]
    public void A_writer_that_shares_keeps_the_order_of_what_it_is_given(string given)
    {
        byte[] shared = [7, 8, 9];
        var (sharing, copying) = (new WireWriter(isSharing: true), new WireWriter());
        foreach (var writer in (WireWriter[])[sharing, copying])
        {
            foreach (var kind in given)
            {
                if (kind == 's')
                    writer.Share(shared);
                else
                    writer.Int(42);
            }
        }

        var pieces = sharing.ToPieces();
        Assert.Equal(copying.Written.ToArray(), pieces.SelectMany(piece => piece.ToArray()));
        Assert.Equal((copying.Written.Length, copying.Written.Length), (sharing.Length, copying.Length));
        Assert.Equal(given.Count(kind => kind == 's'), pieces.Count(piece => IsSame(piece, shared)));
    }

    private static PrepareMessage Prepare(int rank, BaseView from) => new("op", 0, from, Next, [new ExpertTransfer(0, 1, 0, rank, 3)], TimeSpan.Zero);

    private static bool IsSame(ReadOnlyMemory<byte> one, ReadOnlyMemory<byte> other) =>
        MemoryMarshal.TryGetArray(one, out var a) && MemoryMarshal.TryGetArray(other, out var b) && (a.Array, a.Offset, a.Count) == (b.Array, b.Offset, b.Count);
}
