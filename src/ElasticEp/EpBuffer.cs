using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CommunityToolkit.HighPerformance;

namespace ElasticEp;

/// <summary>
/// A typed, contiguous piece of memory with a 64-bit length: what every contract that carries rows,
/// ids or weights is written in. It refers to memory and never owns it: whoever made the memory keeps it
/// alive for as long as the contract that received the buffer says.
/// </summary>
public readonly struct EpBuffer
{
    private readonly Memory<byte> _managed;
    private readonly nint _pointer;

    private EpBuffer(Memory<byte> managed, nint pointer, long byteLength, ElementType type, MemoryKind kind, int device)
    {
        _managed = managed;
        _pointer = pointer;
        ByteLength = byteLength;
        ElementType = type;
        Kind = kind;
        Device = device;
    }

    /// <summary>Length in bytes.</summary>
    public long ByteLength { get; }

    /// <summary>Length in elements.</summary>
    public long Length => ByteLength / SizeOf(ElementType);

    /// <summary>Type of one element.</summary>
    public ElementType ElementType { get; }

    /// <summary>Where the memory lies.</summary>
    public MemoryKind Kind { get; }

    /// <summary>Number of the device that owns the memory; −1 for host and pinned memory.</summary>
    public int Device { get; }

    /// <summary>Whether the buffer has no elements. The default value of the struct is empty.</summary>
    public bool IsEmpty => ByteLength == 0;

    /// <summary>Address of native or device memory; zero for managed memory.</summary>
    public nint Pointer => _pointer;

    /// <summary>Managed memory; empty for native and device memory.</summary>
    internal Memory<byte> Managed => _managed;

    /// <summary>Wraps float rows in managed memory.</summary>
    public static EpBuffer From(Memory<float> memory) => FromManaged(memory.AsBytes(), ElementType.Float32);

    /// <summary>Wraps 32-bit ids in managed memory.</summary>
    public static EpBuffer From(Memory<int> memory) => FromManaged(memory.AsBytes(), ElementType.Int32);

    /// <summary>Wraps managed bytes that hold elements of <paramref name="type"/>.</summary>
    /// <exception cref="ArgumentException">The length is not a whole number of elements.</exception>
    public static EpBuffer From(Memory<byte> memory, ElementType type = ElementType.Byte) => FromManaged(memory, type);

    /// <summary>
    /// Wraps native memory: host memory with <paramref name="kind"/> Host or Pinned, accelerator memory with Device.
    /// </summary>
    /// <param name="pointer">Address of the first byte.</param>
    /// <param name="byteLength">Length in bytes.</param>
    /// <param name="type">Type of the elements.</param>
    /// <param name="kind">Where the memory lies.</param>
    /// <param name="device">Device number for <see cref="MemoryKind.Device"/>, else −1.</param>
    /// <exception cref="ArgumentException">The length is negative or not a whole number of elements.</exception>
    public static EpBuffer FromPointer(nint pointer, long byteLength, ElementType type, MemoryKind kind = MemoryKind.Host, int device = -1)
    {
        Check(byteLength, type);
        return new EpBuffer(default, pointer, byteLength, type, kind, device);
    }

    /// <summary>Size of one element in bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="type"/> is not a defined value.</exception>
    public static int SizeOf(ElementType type) => type switch
    {
        ElementType.Byte => 1,
        ElementType.BFloat16 => 2,
        ElementType.Int32 or ElementType.Float32 => 4,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Unknown element type."),
    };

    /// <summary>A part of the buffer, in bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is outside the buffer.</exception>
    public EpBuffer SliceBytes(long byteOffset, long byteLength)
    {
        CheckRange(byteOffset, byteLength);
        return _pointer == 0
            ? new EpBuffer(byteLength == 0 ? default : _managed.Slice((int)byteOffset, (int)byteLength), 0, byteLength, ElementType, Kind, Device)
            : new EpBuffer(default, _pointer + (nint)byteOffset, byteLength, ElementType, Kind, Device);
    }

    /// <summary>A part of the buffer, in elements.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is outside the buffer.</exception>
    public EpBuffer Slice(long offset, long length)
    {
        var size = SizeOf(ElementType);
        return SliceBytes(checked(offset * size), checked(length * size));
    }

    /// <summary>The same memory seen as elements of another type.</summary>
    /// <exception cref="ArgumentException">The length is not a whole number of elements.</exception>
    public EpBuffer Cast(ElementType type)
    {
        Check(ByteLength, type);
        return new EpBuffer(_managed, _pointer, ByteLength, type, Kind, Device);
    }

    /// <summary>The elements from <paramref name="offset"/> on as a span; host and pinned memory only.</summary>
    /// <typeparam name="T">Element type; its size need not match <see cref="ElementType"/>.</typeparam>
    /// <param name="offset">First element, counted in <typeparamref name="T"/>.</param>
    /// <param name="length">Number of elements.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is outside the buffer.</exception>
    /// <exception cref="InvalidOperationException">The memory is on a device.</exception>
    public unsafe Span<T> AsSpan<T>(long offset, int length)
        where T : unmanaged
    {
        var byteOffset = checked(offset * sizeof(T));
        CheckRange(byteOffset, (long)length * sizeof(T));
        if (_pointer != 0)
        {
            return Kind == MemoryKind.Device ? throw OnDevice() : new Span<T>((byte*)_pointer + byteOffset, length);
        }

        return length == 0 ? [] : MemoryMarshal.Cast<byte, T>(_managed.Span.Slice((int)byteOffset, length * sizeof(T)));
    }

    /// <summary>All elements as a span; host and pinned memory below 2 GiB only.</summary>
    /// <typeparam name="T">Element type.</typeparam>
    /// <exception cref="InvalidOperationException">The memory is on a device.</exception>
    public unsafe Span<T> AsSpan<T>()
        where T : unmanaged => AsSpan<T>(0, checked((int)(ByteLength / sizeof(T))));

    private static EpBuffer FromManaged(Memory<byte> memory, ElementType type)
    {
        Check(memory.Length, type);
        return new EpBuffer(memory, 0, memory.Length, type, MemoryKind.Host, -1);
    }

    private static void Check(long byteLength, ElementType type, [CallerArgumentExpression(nameof(byteLength))] string? name = null)
    {
        if (byteLength < 0 || byteLength % SizeOf(type) != 0)
            throw new ArgumentException($"A length of {byteLength} bytes is not a whole number of {type} elements.", name);
    }

    private static InvalidOperationException OnDevice() => new("This buffer is device memory; copy it to host memory before you read it.");

    private void CheckRange(long byteOffset, long byteLength)
    {
        if (byteOffset < 0 || byteLength < 0 || byteOffset > ByteLength - byteLength)
            throw new ArgumentOutOfRangeException(nameof(byteOffset), $"Bytes {byteOffset}..{byteOffset + byteLength} are outside a buffer of {ByteLength} bytes.");
    }
}
