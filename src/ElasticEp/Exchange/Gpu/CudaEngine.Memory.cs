using ElasticEp.Cuda;
using ElasticEp.Cuda.Windows;
using Microsoft.Win32.SafeHandles;

namespace ElasticEp.Exchange.Gpu;

/// <summary>What the engine allocates, and whom it shares it with.</summary>
internal sealed partial class CudaEngine
{
    private readonly Dictionary<MemberId, WindowNotice> _early = []; // notices that came before this rank prepared its first view

    private static bool Map(CudaMembers members, MemberId id, SafeFileHandle descriptor)
    {
        members.Import(id, descriptor);
        return true;
    }

    private (CudaStream Stream, CudaEvent HasBegun, WindowExchange Exchange, CudaMemory Experts, CudaMemory Staging, CudaLane[] Lanes) Allocate()
    {
        var owned = new Stack<IDisposable>();
        try
        {
            var stream = Own(Device.CreateStream());
            var hasBegun = Own(Device.CreateEvent());
            var exchange = Own(new WindowExchange(Device, _library, new WindowLayout(Shape()), _rank));
            var bytes = (long)_layout.MoeLayers * exchange.Layout.Shape.SlotsPerRank * sizeof(int);
            var experts = Own(Device.Allocate(bytes));
            var staging = Own(Device.AllocatePinned(bytes));
            CudaLane[] lanes = [.. Enumerable.Range(0, _layout.Lanes).Select(lane => Own(new CudaLane(this, exchange, _layout, lane, _slots)))];
            return (stream, hasBegun, exchange, experts, staging, lanes);
        }
        catch
        {
            while (owned.TryPop(out var part))
                part.Dispose();
            throw;
        }

        T Own<T>(T part)
            where T : IDisposable
        {
            owned.Push(part);
            return part;
        }
    }

    /// <summary>Frees everything, unless kernels do not end: then what they use stays.</summary>
    private bool Free()
    {
        _exchange.Dispose();
        if (!_exchange.IsIdle)
            return false;
        _members?.Dispose();
        Array.ForEach(_lanes, lane => lane.Dispose());
        _expertsStaging.Dispose();
        _experts.Dispose();
        HasBegun.Dispose();
        _stream.Dispose();
        _library.Dispose();
        Device.Dispose();
        return true;
    }

    private WindowShape Shape() => new()
    {
        MaxRanks = _layout.MaxRanks,
        MaxTokens = _layout.MaxTokens,
        Hidden = _layout.Hidden,
        RowType = _layout.RowType,
        TopK = _layout.TopK,
        Experts = _layout.Experts,
        MoeLayers = _layout.MoeLayers,
        SlotsPerRank = _options.SlotsPerRank,
        Lanes = _layout.Lanes,
        IsPreReduced = _layout.IsPreReduced,
    };

    private CudaMembers MembersFor(MemberId self)
    {
        if (_members is { } known)
            return known.Self == self ? known : throw new ElasticEpException(ElasticEpErrorCode.InvalidState, $"This process is {known.Self}, not {self}.");
        lock (_early)
        {
            _handovers = new WindowHandovers(self, Device.Uuid, _exchange.Layout, NotifyAsync, _options.ConnectDeadline, _time, failure => LogNotGiven(_rank, failure.Message));
            foreach (var (source, notice) in _early)
                _handovers.OnNotice(source, notice);
            _early.Clear();
        }

        return _members = new CudaMembers(Device, _exchange, _handovers, self);
    }

    private ValueTask NotifyAsync(MemberId member, byte[] notice, CancellationToken cancellationToken) => _notify(member, EpBuffer.From(notice.AsMemory()), cancellationToken);

    /// <summary>The end of an attempt is on the stream, and takes microseconds.</summary>
    private void WaitIdle()
    {
        if (!SpinWait.SpinUntil(() => _exchange.IsIdle, IdleLimit))
            throw new ElasticEpException(ElasticEpErrorCode.StepFailed, $"{Device} of rank {_rank} has not ended the attempt of step {_step} within {IdleLimit}.") { Rank = _rank, Epoch = Epoch };
    }

    private void CheckSlots(GroupView view)
    {
        for (var layer = 0; layer < view.Placement.Layers && view.Contains(_rank); layer++)
        {
            if (view.Placement.GetSlots(layer, _rank).Length is var slots && slots > _options.SlotsPerRank)
                throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"{view} gives rank {_rank} {slots} slots in layer {layer}; it has SlotsPerRank = {_options.SlotsPerRank}.") { Rank = _rank };
        }
    }

    /// <summary>One of each rank, that of its latest process.</summary>
    private void KeepEarly(MemberId source, WindowNotice notice)
    {
        foreach (var id in _early.Keys.Where(id => id.Rank == source.Rank && id.Incarnation < source.Incarnation).ToArray())
            _early.Remove(id);
        _early[source] = notice;
    }

    private void WriteExperts(GroupView view)
    {
        var perLayer = _exchange.Layout.Shape.SlotsPerRank;
        var staging = _expertsStaging.AsBuffer(ElementType.Int32);
        staging.AsSpan<int>().Fill(-1);
        for (var layer = 0; layer < _layout.MoeLayers; layer++)
            view.Placement.GetSlots(layer, _rank).CopyTo(staging.AsSpan<int>((long)layer * perLayer, perLayer));
        _stream.Copy(staging.Cast(ElementType.Byte), _experts.AsBuffer(ElementType.Byte)); // the tables' copy, which follows, is waited for
    }
}
