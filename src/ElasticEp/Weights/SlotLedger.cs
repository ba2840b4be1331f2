namespace ElasticEp.Weights;

/// <summary>
/// Which physical buffer of a rank holds which expert, and who refers to it. Pure bookkeeping, without memory.
/// </summary>
/// <remarks>
/// A buffer is <em>reserved</em> while the view in use, a view before it while it is not Completed, or a reader refers to it. Only other
/// buffers are ever given a new expert. A buffer remembers its expert until it is given another one, so that what was
/// received for a view that did not come need not be received again.
/// </remarks>
internal sealed class SlotLedger
{
    private readonly int _rank;
    private readonly int _slots;
    private readonly Buffer[][] _buffers; // [layer][buffer]
    private readonly List<int[][]> _old = [];
    private int[][] _current;             // [layer][slot] → buffer or −1
    private int[][]? _staged;

    public SlotLedger(int rank, int layers, int slots, int spares)
    {
        _rank = rank;
        _slots = slots;
        _buffers = new Buffer[layers][];
        for (var layer = 0; layer < layers; layer++)
        {
            _buffers[layer] = new Buffer[slots + spares];
            Array.Fill(_buffers[layer], new Buffer(-1, false, 0));
        }

        _current = Empty();
    }

    public bool IsStaged => _staged is not null;

    /// <summary>The buffer in a slot of the view in use, or −1.</summary>
    public int Current(int layer, int slot) => _current[layer][slot];

    /// <summary>
    /// Gives every expert of this rank in <paramref name="next"/> a buffer: the one that holds it, else one that nobody needs. Staging
    /// again replaces what was staged; an expert that both need keeps its buffer. Changes nothing when it throws.
    /// </summary>
    /// <returns>What must be filled before <see cref="Switch"/>.</returns>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.InvalidState"/> when a layer has too few free buffers.</exception>
    public List<SlotNeed> Stage(ExpertPlacement next)
    {
        var staged = Empty();
        var given = new List<SlotNeed>();
        for (var layer = 0; layer < _buffers.Length; layer++)
            StageLayer(layer, SlotsOf(next, layer), staged[layer], given);
        foreach (var need in given)
            _buffers[need.Layer][need.Buffer] = new Buffer(need.Expert, false, 0);
        _staged = staged;
        return Unfilled(staged);
    }

    /// <summary>Forgets the staged view. No payload may be on its way into its buffers any more.</summary>
    public void Unstage() => _staged = null;

    /// <summary>The expert has arrived in the buffer that was staged for it.</summary>
    public void MarkFilled(int layer, int expert)
    {
        var buffer = Find(layer, expert);
        if (buffer < 0)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidState, $"Expert {expert} of layer {layer} has no buffer on rank {_rank}.") { Rank = _rank };
        _buffers[layer][buffer] = _buffers[layer][buffer] with { IsFilled = true };
    }

    /// <summary>
    /// Uses a view from now on. It need not be the staged one: any view whose experts are here can be used, and what is staged
    /// stays staged. The buffers of the view before stay reserved until <see cref="ReleaseOld"/>.
    /// </summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.InvalidState"/> when an expert is not here; nothing has changed.</exception>
    public void Switch(ExpertPlacement view)
    {
        var next = Empty();
        for (var layer = 0; layer < _buffers.Length; layer++)
        {
            var slots = SlotsOf(view, layer);
            for (var slot = 0; slot < slots.Length; slot++)
            {
                if (slots[slot] >= 0)
                    next[layer][slot] = FindFilled(layer, slots[slot]);
            }
        }

        _old.Add(_current);
        _current = next;
        if (_staged is not null && _staged.Zip(next).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second)))
            _staged = null;
    }

    /// <summary>
    /// A recovery's view is durable that gives this rank experts which are not here: all that the view does not name is given up, and it is
    /// staged. Until <see cref="Switch"/> some of its slots are empty.
    /// </summary>
    /// <returns>What must be filled before <see cref="Switch"/>.</returns>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.InvalidState"/> when readers have not returned enough buffers yet.</exception>
    public List<SlotNeed> Renew(ExpertPlacement view)
    {
        _old.Clear();
        _staged = null;
        _current = Empty();
        for (var layer = 0; layer < _buffers.Length; layer++)
        {
            var slots = SlotsOf(view, layer);
            for (var slot = 0; slot < slots.Length; slot++)
            {
                if (slots[slot] >= 0 && Find(layer, slots[slot]) is var buffer and >= 0 && _buffers[layer][buffer].IsFilled)
                    _current[layer][slot] = buffer;
            }
        }

        return Stage(view);
    }

    /// <summary>An expert that <see cref="Renew"/> has asked for is here: its slots are used from now on.</summary>
    public void Refill(ExpertPlacement view, int layer, int expert)
    {
        MarkFilled(layer, expert);
        var slots = SlotsOf(view, layer);
        for (var slot = 0; slot < slots.Length; slot++)
        {
            if (slots[slot] == expert)
                _current[layer][slot] = Find(layer, expert);
        }
    }

    /// <summary>The first step of the view in use is complete everywhere: nobody needs the views before it any more.</summary>
    public void ReleaseOld() => _old.Clear();

    /// <summary>Reserves an expert of the view in use, or of one before it, for reading; −1 when neither has it.</summary>
    /// <remarks>A buffer that is staged or being written is never found.</remarks>
    public int Borrow(int layer, int expert)
    {
        var buffer = Find(layer, expert);
        if (buffer < 0 || !IsInUse(layer, buffer))
            return -1;
        _buffers[layer][buffer] = _buffers[layer][buffer] with { Readers = _buffers[layer][buffer].Readers + 1 };
        return buffer;
    }

    /// <summary>Ends what <see cref="Borrow"/> began.</summary>
    public void Return(int layer, int buffer) =>
        _buffers[layer][buffer] = _buffers[layer][buffer] with { Readers = _buffers[layer][buffer].Readers - 1 };

    /// <summary>Whether a buffer may be given to another expert.</summary>
    public bool IsFree(int layer, int buffer) => _buffers[layer][buffer].Readers == 0 && !IsInUse(layer, buffer);

    private bool IsInUse(int layer, int buffer) => _current[layer].Contains(buffer) || _old.Exists(view => view[layer].Contains(buffer));

    private void StageLayer(int layer, ReadOnlySpan<int> slots, int[] staged, List<SlotNeed> given)
    {
        for (var slot = 0; slot < slots.Length; slot++)
            staged[slot] = slots[slot] < 0 ? -1 : Find(layer, slots[slot]);
        for (var slot = 0; slot < slots.Length; slot++)
        {
            if (slots[slot] < 0 || staged[slot] >= 0)
                continue;
            staged[slot] = slots[..slot].IndexOf(slots[slot]) is var first and >= 0 ? staged[first] : TakeFree(layer, slots, staged);
            given.Add(new SlotNeed(layer, slots[slot], staged[slot]));
        }
    }

    private int TakeFree(int layer, ReadOnlySpan<int> slots, int[] staged)
    {
        var buffers = _buffers[layer];
        var taken = -1;
        for (var buffer = buffers.Length - 1; buffer >= 0; buffer--)
        {
            if (IsFree(layer, buffer) && !staged.Contains(buffer) && (taken < 0 || buffers[buffer].Expert < 0 || buffers[taken].Expert >= 0))
                taken = buffer;
        }

        return taken >= 0 ? taken : throw NoFreeBuffer(layer, slots);
    }

    private ElasticEpException NoFreeBuffer(int layer, ReadOnlySpan<int> slots)
    {
        var wanted = slots.Length - slots.Count(-1);
        var reserved = Enumerable.Range(0, _buffers[layer].Length).Count(buffer => !IsFree(layer, buffer));
        return new ElasticEpException(
            ElasticEpErrorCode.InvalidState,
            $"Rank {_rank} has no free buffer in layer {layer}: the next view needs {wanted} experts, and {reserved} of {_buffers[layer].Length} buffers are in use; plan fewer moves at once, or raise SpareExperts.")
        { Rank = _rank };
    }

    private List<SlotNeed> Unfilled(int[][] view)
    {
        var needs = new List<SlotNeed>();
        for (var layer = 0; layer < view.Length; layer++)
        {
            foreach (var buffer in view[layer].Where(buffer => buffer >= 0).Distinct())
            {
                if (!_buffers[layer][buffer].IsFilled)
                    needs.Add(new SlotNeed(layer, _buffers[layer][buffer].Expert, buffer));
            }
        }

        return needs;
    }

    private int FindFilled(int layer, int expert)
    {
        var buffer = Find(layer, expert);
        return buffer >= 0 && _buffers[layer][buffer].IsFilled
            ? buffer
            : throw new ElasticEpException(ElasticEpErrorCode.InvalidState, $"Rank {_rank} cannot use the view: expert {expert} of layer {layer} is not here.") { Rank = _rank };
    }

    private int Find(int layer, int expert) => Array.FindIndex(_buffers[layer], buffer => buffer.Expert == expert);

    private ReadOnlySpan<int> SlotsOf(ExpertPlacement view, int layer)
    {
        var slots = view.Layers == 0 ? [] : view.GetSlots(layer, _rank);
        return slots.Length <= _slots
            ? slots
            : throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"The view gives rank {_rank} {slots.Length} slots in layer {layer}; it has SlotsPerRank = {_slots}.") { Rank = _rank };
    }

    private int[][] Empty()
    {
        var view = new int[_buffers.Length][];
        for (var layer = 0; layer < view.Length; layer++)
        {
            view[layer] = new int[_slots];
            Array.Fill(view[layer], -1);
        }

        return view;
    }

    private readonly record struct Buffer(int Expert, bool IsFilled, int Readers);
}
