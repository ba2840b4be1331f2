using ElasticEp.Cuda.Kernels;

namespace ElasticEp.Cuda.Windows;

/// <summary>
/// Page-locked words through which the host and the kernels of a rank speak while work is under way. The word that ends attempts holds the
/// full epoch of the last one that ends, and only grows: a kernel ends if its own epoch is not greater.
/// </summary>
/// <param name="address">First of <see cref="ExchangeControl.HostBytes"/> bytes of memory that both reach, cleared.</param>
internal sealed unsafe class HostWords(long address)
{
    /// <summary>Where they are.</summary>
    public long Address => address;

    /// <summary>The last epoch whose attempts end.</summary>
    public long Ended => Volatile.Read(ref Word(ExchangeControl.HostEnded));

    /// <summary>For tests: the tag under which a kernel is held, or 0.</summary>
    public long Held => Volatile.Read(ref Word(ExchangeControl.HostHeld));

    /// <summary>Ends all waits of attempts up to an epoch, within about 20 µs where a kernel waits.</summary>
    public void End(long epoch)
    {
        long ended;
        while ((ended = Ended) < epoch && Interlocked.CompareExchange(ref Word(ExchangeControl.HostEnded), epoch, ended) != ended)
        {
        }
    }

    /// <summary>For tests: lets a held kernel go on.</summary>
    public void Release(long tag) => Volatile.Write(ref Word(ExchangeControl.HostReleased), tag);

    /// <summary>Whether the device has done all work of an attempt.</summary>
    /// <param name="epoch">Its epoch.</param>
    /// <param name="step">Its step.</param>
    /// <param name="failure">What failed, or null.</param>
    public bool IsDone(long epoch, long step, out WindowFailure? failure)
    {
        failure = null;
        if (Volatile.Read(ref Word(ExchangeControl.HostTag)) != WindowTag.Of(epoch, step))
            return false;
        failure = WindowFailure.Of(Volatile.Read(ref Word(ExchangeControl.HostStatus)));
        return true;
    }

    private ref long Word(int offset) => ref *(long*)(address + offset);
}
