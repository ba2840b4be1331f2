using System.Buffers.Binary;
using ElasticEp;

/// <summary>A question of the gateway, or a rank's answer to it.</summary>
internal readonly record struct Message(long Id, float Value)
{
    public const int Question = 1;
    public const int Answer = 2;

    private const int Size = sizeof(long) + sizeof(float);

    public static Message Read(GroupMessage message) =>
        new(BinaryPrimitives.ReadInt64LittleEndian(message.Payload.Span), BinaryPrimitives.ReadSingleLittleEndian(message.Payload.Span[sizeof(long)..]));

    public ReadOnlyMemory<byte> Write()
    {
        var bytes = new byte[Size];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, Id);
        BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(sizeof(long)), Value);
        return bytes;
    }
}
