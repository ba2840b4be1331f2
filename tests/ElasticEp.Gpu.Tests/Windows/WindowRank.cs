using ElasticEp.Cuda.Kernels;
using ElasticEp.Cuda.Windows;
using ElasticEp.Gpu.Tests.Kernels;
using ElasticEp.TestKit;

namespace ElasticEp.Gpu.Tests.Windows;

/// <summary>One rank of a test group on a machine that all of them share.</summary>
internal sealed class WindowRank
{
    private const long Granularity = 4096;

    private readonly IKernelMachine _machine;
    private readonly WindowLayout _layout;
    private readonly WindowLane[] _lanes;
    private readonly long _rows;
    private readonly long _outputs;
    private readonly long[] _hidden;
    private readonly long[] _ids;
    private readonly long[] _weights;
    private readonly long _result;

    public WindowRank(IKernelMachine machine, WindowShape shape, int rank)
    {
        _machine = machine;
        _layout = new WindowLayout(shape);
        Rank = rank;
        Stride = _layout.Stride(Granularity);
        Windows = machine.Upload<byte>(new byte[Stride * shape.MaxRanks]);
        Buffers = new WindowBuffers(shape, machine.Upload<byte>([.. Enumerable.Repeat((byte)0xEE, (int)WindowBuffers.BytesOf(shape))]));
        Words = new HostWords(machine.Pin(ExchangeControl.HostBytes));
        _lanes = [.. Enumerable.Range(0, shape.Lanes).Select(lane => new WindowLane(machine.Kernels, _layout, Buffers, lane, Windows))];
        var rowBytes = _layout.RowBytes;
        _rows = machine.Upload<byte>(new byte[(long)Buffers.Capacity * shape.TopK * rowBytes]);
        _outputs = machine.Upload<byte>(new byte[(long)Buffers.Capacity * shape.TopK * rowBytes]);
        _result = machine.Upload<byte>(new byte[(long)shape.MaxTokens * rowBytes]);
        _hidden = [.. _lanes.Select(_ => machine.Upload<byte>(new byte[(long)shape.MaxTokens * rowBytes]))];
        _ids = [.. _lanes.Select(_ => machine.Upload<int>(new int[shape.MaxTokens * shape.TopK]))];
        _weights = [.. _lanes.Select(_ => machine.Upload<float>(new float[shape.MaxTokens * shape.TopK]))];
        machine.Write<float>(Buffers.Ones, [.. Enumerable.Repeat(1f, shape.TopK)]);
    }

    public int Rank { get; }

    public long Stride { get; }

    /// <summary>First of this rank's windows: one for each rank, by its number.</summary>
    public long Windows { get; }

    public WindowBuffers Buffers { get; }

    public HostWords Words { get; }

    private WindowShape Shape => _layout.Shape;

    public void Enter(IReadOnlyList<WindowRank> members, Func<int, int, IReadOnlyList<(int Member, int Slot)>> candidates)
    {
        var peers = members.Select(member => new WindowPeer(Windows + (member.Rank * Stride), member.Windows + (Rank * member.Stride), member.Rank)).ToArray();
        var tables = new byte[Buffers.TableBytes];
        WindowTables.Fill(tables, _layout, Buffers, peers, Stride / _layout.RowBytes, candidates);
        _machine.Write<byte>(Buffers.Incoming, tables);
        _machine.Write<byte>(Buffers.Lanes, new byte[Buffers.LanesBytes]);
    }

    /// <summary>This rank is every member.</summary>
    public void EnterAsAll(Func<int, int, IReadOnlyList<(int Member, int Slot)>> candidates)
    {
        var tables = new byte[Buffers.TableBytes];
        WindowPeer[] peers = [.. Enumerable.Range(0, Shape.MaxRanks).Select(place => new WindowPeer(Windows + (place * Stride), Windows + (place * Stride), place))];
        WindowTables.Fill(tables, _layout, Buffers, peers, Stride / _layout.RowBytes, candidates);
        _machine.Write<byte>(Buffers.Incoming, tables);
        _machine.Write<byte>(Buffers.Lanes, new byte[Buffers.LanesBytes]);
    }

    public void Start(WindowAttempt attempt, int members)
    {
        var head = new byte[ExchangeControl.HeadBytes];
        WindowTables.FillHead(head, attempt, members, Rank, Words.Address);
        _machine.Write<byte>(Buffers.Control, head);
        Array.ForEach(_lanes, lane => lane.Begin());
        _machine.Kernels.Begin(Buffers.Control, Buffers.Offsets(0), Buffers.Received(0), Buffers.LaneBytes, Shape.Lanes, Shape.SlotsPerRank);
    }

    /// <summary>Returns once the host has been told.</summary>
    public void End()
    {
        _machine.Kernels.End(Buffers.Control);
        _ = Status();
    }

    public void Dispatch(int lane, int layer, ExchangeBatch batch) => Dispatch(lane, layer, batch.Hidden, batch.Ids, batch.Weights);

    public void Dispatch(int lane, int layer, byte[] hidden, int[] ids, float[] weights)
    {
        _machine.Write<byte>(_hidden[lane], hidden);
        _machine.Write<int>(_ids[lane], ids);
        _machine.Write<float>(_weights[lane], weights);
        _lanes[lane].Dispatch(layer, Shape.MaxTokens, _hidden[lane], _ids[lane], _weights[lane]);
    }

    public void Receive(int lane, int layer)
    {
        var most = Buffers.Capacity / 2; // more rows than the grid is sized for are fine
        if (Rank % 2 == 0)
        {
            _lanes[lane].Receive(layer, most, _rows);
            return;
        }

        _lanes[lane].Place(layer); // where there are many rows
        _lanes[lane].Group(most, _rows);
    }

    /// <summary>Where slots begin, and the grouped rows.</summary>
    public (int[] Offsets, byte[] Rows) Grouped(int lane, int slots)
    {
        var offsets = _machine.Download<int>(Buffers.Offsets(lane), slots + 1);
        return (offsets, _machine.Download<byte>(_rows, offsets[slots] * _layout.RowBytes));
    }

    /// <summary>Where slots begin and how many rows there are, as an expert's kernel reads it.</summary>
    public (int[] Offsets, int Received) Totals(int lane) => (_machine.Download<int>(Buffers.Offsets(lane), Shape.SlotsPerRank + 1), _machine.Download<int>(Buffers.Received(lane), 1)[0]);

    public void Return(int lane, int layer, byte[] outputs)
    {
        _machine.Write<byte>(_outputs, outputs);
        _lanes[lane].Return(layer, Buffers.Capacity / 2, _outputs);
    }

    public byte[] Combine(int lane, int layer, int tokens)
    {
        var poison = new byte[Shape.MaxTokens * _layout.RowBytes];
        Array.Fill(poison, (byte)0xEE);
        _machine.Write<byte>(_result, poison);
        _lanes[lane].Combine(layer, Shape.MaxTokens, _weights[lane], _result);
        var result = _machine.Download<byte>(_result, poison.Length);
        Assert.All(result.AsSpan(tokens * _layout.RowBytes).ToArray(), value => Assert.Equal(0xEE, value));
        return result[..(tokens * _layout.RowBytes)];
    }

    public WindowFailure? Status() => WindowFailure.Of(_machine.Download<long>(Buffers.Control + ExchangeControl.Status, 1)[0]);

    public long Flag(int source, int lane, int operation, int parity) => _machine.Download<long>(Windows + (source * Stride) + WindowLayout.FlagOffset(lane, operation, parity), 1)[0];

    public int[] Received(int source, int lane, int parity) => _machine.Download<int>(Windows + (source * Stride) + _layout.MetaOffset(lane, parity), 1);

    /// <summary>Writes a number of a member's first dispatch, as the member may: 0 is the number of rows, 4 and on are descriptions.</summary>
    public void Overwrite(int source, int word, int value) => _machine.Write<int>(Windows + (source * Stride) + _layout.MetaOffset(0, 0) + (word * 4L), [value]);
}
