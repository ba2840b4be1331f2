using System.Diagnostics;
using ElasticEp.Cuda.Kernels;

namespace ElasticEp.Cuda.Windows;

/// <summary>
/// A rank's part of an exchange through windows on one device: its windows, lists, tables and words. What differs from view to view and
/// from step to step is written by copies in the order of a stream, so that a captured step stays valid.
/// </summary>
internal sealed class WindowExchange : IDisposable
{
    private readonly CudaDevice _device;
    private readonly KernelLibrary _library;
    private readonly KernelTuning _tuning;
    private readonly Stack<IDisposable> _owned = [];
    private readonly CudaMemory _tables;
    private readonly WindowHeads _heads;
    private readonly int _rank;
    private WindowAttempt? _attempt;
    private int _members;

    /// <exception cref="CudaException">There is not enough memory; the message says how much was needed and free. Nothing stays allocated.</exception>
    public WindowExchange(CudaDevice device, KernelLibrary library, WindowLayout layout, int rank, KernelTuning? tuning = null)
    {
        _device = device;
        _library = library;
        _rank = rank;
        _tuning = (tuning ?? new KernelTuning()) with { Lanes = layout.Shape.Lanes };
        Layout = layout;
        try
        {
            Space = Own(new WindowSpace(device, layout));
            var local = Own(device.Allocate(WindowBuffers.BytesOf(layout.Shape)));
            Buffers = new WindowBuffers(layout.Shape, local.Address);
            var host = Own(device.AllocatePinned(ExchangeControl.HostBytes));
            host.AsBuffer(ElementType.Byte).AsSpan<byte>().Clear();
            Words = new HostWords(host.Address);
            _heads = Own(new WindowHeads(device));
            _tables = Own(device.AllocatePinned(Buffers.TableBytes + (layout.Shape.TopK * sizeof(float))));
            using var stream = device.CreateStream();
            stream.Fill(local.AsBuffer(ElementType.Byte), 0);
            stream.Synchronize();
        }
        catch
        {
            Free();
            throw;
        }
    }

    public WindowLayout Layout { get; }

    /// <summary>The windows that others write into.</summary>
    public WindowSpace Space { get; }

    /// <summary>Words shared with kernels.</summary>
    public HostWords Words { get; }

    /// <summary>Where the lists of lanes are.</summary>
    public WindowBuffers Buffers { get; }

    /// <summary>Whether all work of the attempt that was started last is done: no kernel reads or writes a window.</summary>
    public bool IsIdle => _attempt is not { } attempt || Words.IsDone(attempt.Epoch, attempt.Step, out _);

    /// <summary>Switches the tables, and forgets what lists hold: no address of an earlier view is left. The call waits for the copy.</summary>
    /// <param name="stream">Stream of the steps that follow.</param>
    /// <param name="peers">Windows of each member, by index in the view.</param>
    /// <param name="candidates">For a layer and an expert: member index and slot of those that this rank chooses among.</param>
    /// <exception cref="InvalidOperationException">Work of an attempt is under way.</exception>
    public void Enter(CudaStream stream, IReadOnlyList<WindowPeer> peers, Func<int, int, IReadOnlyList<(int Member, int Slot)>> candidates)
    {
        RequireIdle("enter a view");
        _members = peers.Count;
        var staging = _tables.AsBuffer(ElementType.Byte);
        WindowTables.Fill(staging.AsSpan<byte>(), Layout, Buffers, peers, Space.PlaceRows, candidates);
        var ones = staging.SliceBytes(Buffers.TableBytes, Layout.Shape.TopK * sizeof(float)).Cast(ElementType.Float32);
        ones.AsSpan<float>().Fill(1f);
        stream.Copy(staging.SliceBytes(0, Buffers.TableBytes), Local(Buffers.Incoming, Buffers.TableBytes));
        stream.Copy(ones.Cast(ElementType.Byte), Local(Buffers.Ones, ones.ByteLength));
        stream.Fill(Local(Buffers.Lanes, Buffers.LanesBytes), 0);
        stream.Synchronize();
    }

    /// <summary>Writes the words of an attempt in the order of the stream. Not captured: a graph of the step follows it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A lane has more tokens than the layout has rows for.</exception>
    /// <exception cref="ElasticEpException">The device is too far behind.</exception>
    public void Start(CudaStream stream, WindowAttempt attempt)
    {
        foreach (var tokens in attempt.Tokens)
            ArgumentOutOfRangeException.ThrowIfGreaterThan(tokens, Layout.Shape.MaxTokens, nameof(attempt));
        _heads.Write(stream, Local(Buffers.Control, ExchangeControl.HeadBytes), attempt.Deadline, head => WindowTables.FillHead(head, attempt, _members, _rank, Words.Address));
        _attempt = attempt;
    }

    /// <summary>The head of every attempt's work: clears what an attempt before has left.</summary>
    public void Begin(CudaStream stream) =>
        On(stream).Begin(Buffers.Control, Buffers.Offsets(0), Buffers.Received(0), Buffers.LaneBytes, Layout.Shape.Lanes, Layout.Shape.SlotsPerRank);

    /// <summary>The end of every attempt's work: tells the host.</summary>
    public void End(CudaStream stream) => On(stream).End(Buffers.Control);

    /// <summary>A lane whose kernels go to a stream.</summary>
    public WindowLane Lane(int lane, CudaStream stream, KernelTuning? tuning = null) => new(On(stream, tuning), Layout, Buffers, lane, Space.Address);

    /// <summary>Unmaps a window that no view in use has.</summary>
    /// <exception cref="InvalidOperationException">Work of an attempt is under way.</exception>
    public void Retire(int place)
    {
        RequireIdle("retire a window");
        Space.Retire(place);
    }

    /// <summary>
    /// Ends what is under way and frees everything. Where the device does not come to its end by the attempt's deadline the memory stays
    /// mapped: a kernel that writes into memory that is gone would end the process.
    /// </summary>
    public void Dispose()
    {
        if (_attempt is { } attempt && !IsIdle)
        {
            Words.End(attempt.Epoch);
            for (var began = Stopwatch.GetTimestamp(); !IsIdle; Thread.Yield())
            {
                if (Stopwatch.GetElapsedTime(began) > attempt.Deadline)
                    return;
            }
        }

        _attempt = null;
        Free();
    }

    private T Own<T>(T part)
        where T : IDisposable
    {
        _owned.Push(part);
        return part;
    }

    private void Free()
    {
        while (_owned.TryPop(out var part))
            part.Dispose();
    }

    private void RequireIdle(string what)
    {
        if (!IsIdle)
            throw new InvalidOperationException($"Rank {_rank} cannot {what}: step {_attempt!.Step} of epoch {_attempt.Epoch} is under way on {_device}.");
    }

    private ExchangeKernels On(CudaStream stream, KernelTuning? tuning = null) => new(_library.On(stream), (tuning ?? _tuning) with { Lanes = Layout.Shape.Lanes });

    private EpBuffer Local(long address, long bytes) => EpBuffer.FromPointer((nint)address, bytes, ElementType.Byte, MemoryKind.Device, _device.Ordinal);
}
