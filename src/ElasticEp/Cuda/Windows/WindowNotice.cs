using System.Buffers.Binary;
using System.Text;

namespace ElasticEp.Cuda.Windows;

/// <summary>What a rank tells another one, on a link that is authenticated, before they hand windows over.</summary>
/// <param name="Operation">Digest of the view that is prepared: both must mean the same.</param>
/// <param name="Token">Secret under which the window for the other rank is handed over; another one for every window.</param>
/// <param name="Held">Token of the other rank's window that is mapped here; 0 = none.</param>
/// <param name="Device">UUID of the GPU.</param>
/// <param name="Name">Name of the abstract Unix domain socket at which windows are handed over.</param>
internal sealed record WindowNotice(ulong Operation, UInt128 Token, UInt128 Held, string Device, string Name)
{
    /// <summary>Bytes of a notice.</summary>
    public const int Length = 176;

    private const int DeviceAt = 48;
    private const int NameAt = 96;
    private const uint Magic = 0x314E5045; // "EPN1"

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/>: it is no notice.</exception>
    public static WindowNotice Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Length || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic)
            throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, $"{bytes.Length} bytes came that are no notice of a window.");
        return new WindowNotice(
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]),
            BinaryPrimitives.ReadUInt128LittleEndian(bytes[16..]),
            BinaryPrimitives.ReadUInt128LittleEndian(bytes[32..]),
            Text(bytes[DeviceAt..NameAt]),
            Text(bytes[NameAt..]));
    }

    public byte[] ToBytes()
    {
        var bytes = new byte[Length];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Magic);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), Operation);
        BinaryPrimitives.WriteUInt128LittleEndian(bytes.AsSpan(16), Token);
        BinaryPrimitives.WriteUInt128LittleEndian(bytes.AsSpan(32), Held);
        Encoding.ASCII.GetBytes(Device, bytes.AsSpan(DeviceAt, NameAt - DeviceAt));
        Encoding.ASCII.GetBytes(Name, bytes.AsSpan(NameAt));
        return bytes;
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.ASCII.GetString(bytes.TrimEnd((byte)0));
}
