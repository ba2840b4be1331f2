namespace ElasticEp.Weights;

/// <summary>
/// The expert memory of one rank: per layer, buffers for all slots and spares in one allocation. A slot is a reference to a buffer, so
/// that a switch moves no bytes. All members may be called from any thread.
/// </summary>
internal sealed class ExpertSlotTable : IExpertSlots, IDisposable
{
    private readonly Lock _gate = new();
    private readonly SlotLedger _ledger;
    private readonly AlignedMemory?[] _memory;
    private readonly EpBuffer[][] _experts;       // [layer][buffer], the whole expert
    private readonly ExpertWeights[][] _parts;    // [layer][buffer]
    private readonly int _slots;
    private ExpertWeights[][] _current;           // [layer][slot], replaced as a whole

    public ExpertSlotTable(int rank, WeightManifest manifest, int slots, int spares)
    {
        _slots = slots;
        var layers = manifest.Layers.Length;
        _ledger = new SlotLedger(rank, layers, slots, spares);
        _memory = new AlignedMemory[layers];
        _experts = new EpBuffer[layers][];
        _parts = new ExpertWeights[layers][];
        try
        {
            for (var layer = 0; layer < layers; layer++)
                Allocate(layer, manifest, slots + spares);
        }
        catch
        {
            Dispose();
            throw;
        }

        _current = View();
    }

    /// <inheritdoc/>
    public ExpertWeights Get(int layer, int slot) => Volatile.Read(ref _current)[layer][slot];

    /// <summary>Reserves buffers for a next view; see <see cref="SlotLedger.Stage"/>.</summary>
    public IReadOnlyList<SlotNeed> Stage(GroupView next)
    {
        lock (_gate)
            return _ledger.Stage(next.Placement);
    }

    /// <summary>Forgets the staged view; only after the receiver's revoke has completed.</summary>
    public void Unstage()
    {
        lock (_gate)
            _ledger.Unstage();
    }

    /// <summary>An expert of the staged view is complete.</summary>
    public void MarkFilled(int layer, int expert)
    {
        lock (_gate)
            _ledger.MarkFilled(layer, expert);
    }

    /// <summary>Uses a view from the next step on; see <see cref="SlotLedger.Switch"/>.</summary>
    public void Switch(GroupView view)
    {
        lock (_gate)
        {
            _ledger.Switch(view.Placement);
            Volatile.Write(ref _current, View());
        }
    }

    /// <summary>Gives up what a recovery's view does not name; see <see cref="SlotLedger.Renew"/>.</summary>
    public IReadOnlyList<SlotNeed> Renew(GroupView view)
    {
        lock (_gate)
        {
            var needs = _ledger.Renew(view.Placement);
            Volatile.Write(ref _current, View()); // before anybody writes into what it has given up
            return needs;
        }
    }

    /// <summary>One of those experts is complete.</summary>
    public void Refill(GroupView view, int layer, int expert)
    {
        lock (_gate)
        {
            _ledger.Refill(view.Placement, layer, expert);
            Volatile.Write(ref _current, View());
        }
    }

    /// <summary>The buffers of the views before may be reused.</summary>
    public void ReleaseOld()
    {
        lock (_gate)
            _ledger.ReleaseOld();
    }

    /// <summary>The memory of a staged expert, for its receiver.</summary>
    public EpBuffer Destination(SlotNeed need) => _experts[need.Layer][need.Buffer];

    /// <summary>The parts of a staged expert, for the workload that loads it.</summary>
    public ExpertWeights Parts(SlotNeed need) => _parts[need.Layer][need.Buffer];

    /// <summary>Lends an expert for sending; its buffer is not reused until <see cref="Return"/>.</summary>
    /// <param name="layer">MoE layer.</param>
    /// <param name="expert">Logical expert.</param>
    /// <param name="loan">Give it back to <see cref="Return"/>.</param>
    /// <param name="weights">The whole expert.</param>
    /// <returns>False when no view in use has the expert on this rank.</returns>
    public bool TryBorrow(int layer, int expert, out SlotNeed loan, out EpBuffer weights)
    {
        lock (_gate)
        {
            var buffer = _ledger.Borrow(layer, expert);
            loan = new SlotNeed(layer, expert, buffer);
            weights = buffer < 0 ? default : _experts[layer][buffer];
            return buffer >= 0;
        }
    }

    /// <summary>Ends a loan.</summary>
    public void Return(SlotNeed loan)
    {
        lock (_gate)
            _ledger.Return(loan.Layer, loan.Buffer);
    }

    /// <summary>Frees the memory; nobody may use a slot any more. Otherwise it stays allocated for good.</summary>
    public void Dispose()
    {
        foreach (var memory in _memory)
            memory?.Dispose();
    }

    private void Allocate(int layer, WeightManifest manifest, int buffers)
    {
        var stride = manifest.ExpertBytes(layer);
        var parts = manifest.Layers[layer];
        var memory = _memory[layer] = new AlignedMemory(checked(stride * buffers));
        _experts[layer] = new EpBuffer[buffers];
        _parts[layer] = new ExpertWeights[buffers];
        for (var buffer = 0; buffer < buffers; buffer++)
        {
            var whole = memory.Slice(stride * buffer, stride);
            var pieces = new EpBuffer[parts.Length];
            long offset = 0;
            for (var part = 0; part < parts.Length; part++)
            {
                var length = parts[part].ByteLength;
                pieces[part] = whole.SliceBytes(offset, length);
                var padding = (int)(WeightManifest.Align(length) - length);
                whole.AsSpan<byte>(offset + length, padding).Clear(); // It travels with the expert; stray memory must not.
                offset += length + padding;
            }

            _experts[layer][buffer] = whole;
            _parts[layer][buffer] = new ExpertWeights(pieces);
        }
    }

    private ExpertWeights[][] View()
    {
        var view = new ExpertWeights[_parts.Length][];
        for (var layer = 0; layer < view.Length; layer++)
        {
            view[layer] = new ExpertWeights[_slots];
            for (var slot = 0; slot < _slots; slot++)
            {
                var buffer = _ledger.Current(layer, slot);
                view[layer][slot] = buffer < 0 ? default : _parts[layer][buffer];
            }
        }

        return view;
    }
}
