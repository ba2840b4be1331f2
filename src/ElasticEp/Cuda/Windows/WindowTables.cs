using System.Buffers.Binary;
using System.Runtime.InteropServices;
using ElasticEp.Cuda.Kernels;

namespace ElasticEp.Cuda.Windows;

/// <summary>Fills, in host memory, what is copied to <see cref="WindowBuffers"/> between steps.</summary>
internal static class WindowTables
{
    /// <summary>Fills the head of the control words.</summary>
    public static void FillHead(Span<byte> target, WindowAttempt attempt, int members, int rank, long hostWords)
    {
        target[..ExchangeControl.HeadBytes].Clear();
        BinaryPrimitives.WriteInt64LittleEndian(target[ExchangeControl.Tag..], WindowTag.Of(attempt.Epoch, attempt.Step));
        BinaryPrimitives.WriteInt64LittleEndian(target[ExchangeControl.Epoch..], attempt.Epoch);
        BinaryPrimitives.WriteInt64LittleEndian(target[ExchangeControl.Deadline..], (long)attempt.Deadline.TotalNanoseconds);
        BinaryPrimitives.WriteInt64LittleEndian(target[ExchangeControl.Host..], hostWords);
        BinaryPrimitives.WriteInt32LittleEndian(target[ExchangeControl.Members..], members);
        BinaryPrimitives.WriteInt32LittleEndian(target[ExchangeControl.Rank..], rank);
        if (attempt.Hold is var (layer, operation))
        {
            BinaryPrimitives.WriteInt64LittleEndian(target[ExchangeControl.HoldTag..], WindowTag.Of(attempt.Epoch, attempt.Step) + layer + 1);
            BinaryPrimitives.WriteInt32LittleEndian(target[ExchangeControl.HoldOperation..], operation);
        }

        for (var lane = 0; lane < attempt.Tokens.Count; lane++)
            BinaryPrimitives.WriteInt32LittleEndian(target[(ExchangeControl.Tokens + (lane * sizeof(int)))..], attempt.Tokens[lane]);
    }

    /// <summary>Fills the tables that follow a view: <see cref="WindowBuffers.TableBytes"/> bytes from <see cref="WindowBuffers.Incoming"/> on.</summary>
    /// <param name="target">Host memory.</param>
    /// <param name="layout">Sizes.</param>
    /// <param name="buffers">Where the tables will lie.</param>
    /// <param name="peers">Windows of each member, by index.</param>
    /// <param name="placeRows">Rows from one window of this rank to the next.</param>
    /// <param name="candidates">For a layer and an expert: member and slot of those that this rank chooses among.</param>
    public static void Fill(Span<byte> target, WindowLayout layout, WindowBuffers buffers, IReadOnlyList<WindowPeer> peers, long placeRows, Func<int, int, IReadOnlyList<(int Member, int Slot)>> candidates)
    {
        var incoming = MemoryMarshal.Cast<byte, long>(target);
        var outgoing = MemoryMarshal.Cast<byte, long>(target[(int)(buffers.Outgoing - buffers.Incoming)..]);
        var rows = MemoryMarshal.Cast<byte, int>(target[(int)(buffers.CombineRows - buffers.Incoming)..]);
        for (var member = 0; member < peers.Count; member++)
            (incoming[member], outgoing[member], rows[member]) = (peers[member].Incoming, peers[member].Outgoing, (int)(peers[member].Place * placeRows));
        for (var layer = 0; layer < layout.Shape.MoeLayers; layer++)
        {
            var number = layer;
            ReplicaTable.Write(target[(int)(buffers.Replicas - buffers.Incoming + ((long)layer * buffers.LayerTableBytes))..], layout.Shape.Experts, expert => candidates(number, expert));
        }
    }
}
