using ElasticEp.Cuda.Kernels;

namespace ElasticEp.Cuda.Windows;

/// <summary>
/// A rank's part of an exchange through windows on one device: its windows, lists, tables and words. What differs from view to view and
/// from step to step is written by copies in the order of a stream, so that a captured step stays valid.
/// </summary>
internal sealed class WindowExchange : IDisposable
{
    private const int Heads = 64; // steps that the host may be ahead

    private readonly CudaDevice _device;
    private readonly CudaMemory _local;
    private readonly CudaMemory _host;
    private readonly CudaMemory _heads;
    private readonly CudaMemory _tables;
    private readonly WindowBuffers _buffers;
    private readonly int _rank;
    private readonly KernelLibrary _library;
    private readonly KernelTuning _tuning;
    private int _members;
    private int _head;

    /// <exception cref="CudaException">There is not enough memory; the message says how much was needed and free.</exception>
    public WindowExchange(CudaDevice device, KernelLibrary library, WindowLayout layout, int rank, KernelTuning? tuning = null)
    {
        (_device, _library, Layout, _rank, _tuning) = (device, library, layout, rank, (tuning ?? new KernelTuning()) with { Lanes = layout.Shape.Lanes });
        Space = new WindowSpace(device, layout);
        _local = device.Allocate(WindowBuffers.BytesOf(layout.Shape));
        _buffers = new WindowBuffers(layout.Shape, _local.Address);
        _host = device.AllocatePinned(ExchangeControl.HostBytes);
        _host.AsBuffer(ElementType.Byte).AsSpan<byte>().Clear();
        Words = new HostWords(_host.Address);
        _heads = device.AllocatePinned(Heads * ExchangeControl.HeadBytes);
        _tables = device.AllocatePinned(_buffers.TableBytes + (layout.Shape.TopK * sizeof(float)));
    }

    public WindowLayout Layout { get; }

    /// <summary>The windows that others write into.</summary>
    public WindowSpace Space { get; }

    /// <summary>Words shared with kernels.</summary>
    public HostWords Words { get; }

    /// <summary>Where the lists of lanes are.</summary>
    public WindowBuffers Buffers => _buffers;

    /// <summary>Switches the tables. All work of the view before must be done; the call waits for the copy.</summary>
    /// <param name="stream">Stream of the steps that follow.</param>
    /// <param name="peers">Windows of each member, by index in the view.</param>
    /// <param name="candidates">For a layer and an expert: member index and slot of those that this rank chooses among.</param>
    public void Enter(CudaStream stream, IReadOnlyList<WindowPeer> peers, Func<int, int, IReadOnlyList<(int Member, int Slot)>> candidates)
    {
        _members = peers.Count;
        var staging = _tables.AsBuffer(ElementType.Byte);
        WindowTables.Fill(staging.AsSpan<byte>(), Layout, _buffers, peers, Space.PlaceRows, candidates);
        var ones = staging.SliceBytes(_buffers.TableBytes, Layout.Shape.TopK * sizeof(float)).Cast(ElementType.Float32);
        ones.AsSpan<float>().Fill(1f);
        stream.Copy(staging.SliceBytes(0, _buffers.TableBytes), Local(_buffers.Incoming, _buffers.TableBytes));
        stream.Copy(ones.Cast(ElementType.Byte), Local(_buffers.Ones, ones.ByteLength));
        stream.Fill(Local(_buffers.Lanes, _buffers.LanesBytes), 0);
        stream.Synchronize();
    }

    /// <summary>Writes the words of an attempt in the order of the stream. Not captured: a graph of the step follows it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A lane has more tokens than the layout has rows for.</exception>
    public void Start(CudaStream stream, WindowAttempt attempt)
    {
        foreach (var tokens in attempt.Tokens)
            ArgumentOutOfRangeException.ThrowIfGreaterThan(tokens, Layout.Shape.MaxTokens, nameof(attempt));
        _head = (_head + 1) % Heads;
        var head = _heads.AsBuffer(ElementType.Byte).SliceBytes((long)_head * ExchangeControl.HeadBytes, ExchangeControl.HeadBytes);
        WindowTables.FillHead(head.AsSpan<byte>(), attempt, _members, _rank, Words.Address);
        stream.Copy(head, Local(_buffers.Control, ExchangeControl.HeadBytes));
    }

    /// <summary>The head of every attempt's work: clears what an attempt before has left.</summary>
    public void Begin(CudaStream stream) => On(stream).Begin(_buffers.Control, _buffers.Offsets(0), _buffers.Received(0), _buffers.LaneBytes, Layout.Shape.Lanes, Layout.Shape.SlotsPerRank);

    /// <summary>The end of every attempt's work: tells the host.</summary>
    public void End(CudaStream stream) => On(stream).End(_buffers.Control);

    /// <summary>A lane whose kernels go to a stream.</summary>
    public WindowLane Lane(int lane, CudaStream stream, KernelTuning? tuning = null) => new(On(stream, tuning), Layout, _buffers, lane, Space.Address);

    public void Dispose()
    {
        _tables.Dispose();
        _heads.Dispose();
        _host.Dispose();
        _local.Dispose();
        Space.Dispose();
    }

    private ExchangeKernels On(CudaStream stream, KernelTuning? tuning = null) => new(_library.On(stream), (tuning ?? _tuning) with { Lanes = Layout.Shape.Lanes });

    private EpBuffer Local(long address, long bytes) => EpBuffer.FromPointer((nint)address, bytes, ElementType.Byte, MemoryKind.Device, _device.Ordinal);
}
