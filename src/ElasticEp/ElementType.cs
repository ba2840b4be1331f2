namespace ElasticEp;

/// <summary>The type of one element of an <see cref="EpBuffer"/>.</summary>
public enum ElementType : byte
{
    /// <summary>Raw bytes, as weights travel.</summary>
    Byte = 0,

    /// <summary>32-bit signed integer, as top-k expert ids are given.</summary>
    Int32 = 1,

    /// <summary>IEEE 754 binary32.</summary>
    Float32 = 2,

    /// <summary>bfloat16: the upper 16 bits of a binary32.</summary>
    BFloat16 = 3,
}
