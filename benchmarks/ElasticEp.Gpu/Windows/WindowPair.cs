using System.Net.Sockets;
using ElasticEp.Cuda;
using ElasticEp.Cuda.Kernels;
using ElasticEp.Cuda.Windows;

namespace ElasticEp.Gpu.Windows;

/// <summary>One of two ranks, each a process with a GPU of its own, with windows in both directions.</summary>
internal sealed class WindowPair : IDisposable
{
    private static readonly UInt128 Token = new(0x0123456789ABCDEF, 0xFEDCBA9876543210);

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private readonly CudaMemory _theirs;
    private readonly Socket _socket;

    public WindowPair(Bench bench, WindowLayout layout, int rank, Socket socket, KernelTuning? tuning = null, long incarnation = 1)
    {
        (Bench, Rank, _socket) = (bench, rank, socket);
        var (self, peer) = (new MemberId(rank, rank == 0 ? 1 : incarnation), new MemberId(1 - rank, rank == 0 ? incarnation : 1));
        Exchange = new WindowExchange(bench.Device, bench.Library, layout, rank, tuning);
        Exchange.Space.Create(rank, self, bench.Stream);
        var incoming = Exchange.Space.Create(1 - rank, peer, bench.Stream);
        var (given, taken) = (new WindowHandover(self, peer, layout.Bytes, layout.Digest, Token), new WindowHandover(peer, self, layout.Bytes, layout.Digest, Token));
        if (rank == 0)
            WindowChannel.Send(socket, incoming, given, Limit);
        _theirs = WindowChannel.Receive(socket, bench.Device, taken, Limit);
        if (rank != 0)
            WindowChannel.Send(socket, incoming, given, Limit);
        Lane = Exchange.Lane(0, bench.Stream);
        Kernels = new ExchangeKernels(bench.Library.On(bench.Stream), tuning ?? new KernelTuning());
    }

    public Bench Bench { get; }

    public int Rank { get; }

    public WindowExchange Exchange { get; }

    public WindowLane Lane { get; }

    public ExchangeKernels Kernels { get; }

    /// <summary>Slots of each rank: half of the experts.</summary>
    public int Slots => Exchange.Layout.Shape.Experts / 2;

    /// <summary>The window at the other rank, as mapped here.</summary>
    public long Outgoing => _theirs.Address;

    /// <summary>Both ranks are members, each with half of the experts.</summary>
    public void EnterBoth()
    {
        var (space, own) = (Exchange.Space, Exchange.Space.Address + (Rank * Exchange.Space.Stride));
        var peer = new WindowPeer(space.Address + ((1 - Rank) * space.Stride), _theirs.Address, 1 - Rank);
        var self = new WindowPeer(own, own, Rank);
        Exchange.Enter(Bench.Stream, Rank == 0 ? [self, peer] : [peer, self], (_, expert) => [(expert / Slots, expert % Slots)]);
    }

    /// <summary>This rank alone, with half of the experts once for each half of the ids.</summary>
    public void EnterAlone()
    {
        var own = Exchange.Space.Address + (Rank * Exchange.Space.Stride);
        Exchange.Enter(Bench.Stream, [new WindowPeer(own, own, Rank)], (_, expert) => [(0, expert % Slots)]);
    }

    /// <summary>Both have come here.</summary>
    public void Barrier()
    {
        _socket.Send([1]);
        var answer = new byte[1];
        if (_socket.Receive(answer) != 1)
            throw new InvalidOperationException("The other rank has gone.");
    }

    /// <summary>The greater of both ranks' numbers.</summary>
    public double Max(double value)
    {
        _socket.Send(BitConverter.GetBytes(value));
        var answer = new byte[8];
        if (_socket.Receive(answer) != 8)
            throw new InvalidOperationException("The other rank has gone.");
        return Math.Max(value, BitConverter.ToDouble(answer));
    }

    public void Dispose()
    {
        Bench.Stream.Synchronize();
        _theirs.Dispose();
        Exchange.Dispose();
    }
}
