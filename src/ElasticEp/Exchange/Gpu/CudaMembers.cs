using ElasticEp.Cuda;
using ElasticEp.Cuda.Windows;
using Microsoft.Win32.SafeHandles;

namespace ElasticEp.Exchange.Gpu;

/// <summary>The windows between this rank and others: for each process one here, into which it writes, and its own, as it is mapped here.</summary>
/// <param name="device">This rank's GPU.</param>
/// <param name="exchange">Has the windows here.</param>
/// <param name="handovers">Handovers to and from others.</param>
/// <param name="self">This rank.</param>
internal sealed class CudaMembers(CudaDevice device, WindowExchange exchange, WindowHandovers handovers, MemberId self) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<MemberId, Windows> _members = [];

    public MemberId Self => self;

    /// <summary>Members other than this one that have no window here yet.</summary>
    public IReadOnlyList<MemberId> FindNew(IEnumerable<MemberId> wanted)
    {
        lock (_lock)
            return [.. wanted.Where(id => !_members.ContainsKey(id))];
    }

    /// <summary>Makes windows for members. No attempt of this process may be under way.</summary>
    /// <exception cref="CudaException">There is not enough memory: none of them was made.</exception>
    public void Make(IReadOnlyList<MemberId> members, CudaStream stream)
    {
        var made = new List<MemberId>();
        try
        {
            foreach (var id in members)
            {
                int place;
                lock (_lock)
                    place = Enumerable.Range(0, exchange.Layout.Places).Except(_members.Values.Select(windows => windows.Place)).First();
                var memory = exchange.Space.Create(place, id, stream);
                lock (_lock)
                    _members.Add(id, new Windows(place, memory));
                made.Add(id);
                if (id != self)
                    handovers.Give(id, memory.Export);
            }
        }
        catch
        {
            Retire(made);
            throw;
        }
    }

    /// <summary>Those of whom nothing is needed any more. No attempt of this process may be under way.</summary>
    public void RetireOthers(IReadOnlySet<MemberId> needed)
    {
        MemberId[] old;
        lock (_lock)
            old = [.. _members.Keys.Where(id => !needed.Contains(id))];
        Retire(old);
    }

    /// <summary>Maps the window of a member. One that was mapped before stays until the member goes: the tables in use may have its address.</summary>
    public void Import(MemberId member, SafeFileHandle descriptor)
    {
        var memory = device.Import(descriptor, exchange.Layout.Bytes);
        lock (_lock)
            _members[member].Use(memory);
    }

    /// <summary>Whether rows can go to a member and come from it.</summary>
    public bool IsReady(MemberId member)
    {
        lock (_lock)
            return _members.TryGetValue(member, out var windows) && (member == self || windows.Outgoing is not null);
    }

    /// <summary>The windows of the members of a view, all of which are ready.</summary>
    public WindowPeer[] PeersOf(GroupView view)
    {
        lock (_lock)
        {
            return [.. view.Members.Select(member =>
            {
                var windows = _members[member.Id];
                return new WindowPeer(windows.Incoming.Address, (windows.Outgoing ?? windows.Incoming).Address, windows.Place);
            })];
        }
    }

    /// <summary>Windows here.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _members.Count;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var windows in _members.Values)
                windows.Unmap();
            _members.Clear();
        }
    }

    private void Retire(IEnumerable<MemberId> members)
    {
        foreach (var id in members)
        {
            handovers.Forget(id);
            Windows windows;
            lock (_lock)
            {
                windows = _members[id];
                _members.Remove(id);
            }

            windows.Unmap();
            exchange.Retire(windows.Place);
        }
    }

    private sealed class Windows(int place, CudaMemory incoming)
    {
        private readonly List<CudaMemory> _mapped = [];

        /// <summary>Number of the window here.</summary>
        public int Place => place;

        /// <summary>The window here.</summary>
        public CudaMemory Incoming => incoming;

        /// <summary>The window there; null for this rank itself, and until it is handed over.</summary>
        public CudaMemory? Outgoing => _mapped.LastOrDefault();

        public void Use(CudaMemory outgoing) => _mapped.Add(outgoing);

        public void Unmap() => _mapped.ForEach(memory => memory.Dispose());
    }
}
