namespace ElasticEp.Cuda.Kernels;

/// <summary>
/// Inline PTX; the names are registers declared at the head of the kernel, which keep values from one block to the next. ILGPU takes
/// PTX from literals only.
/// </summary>
internal static class CopyPtx
{
    /// <summary>Registers for 64 bytes of a lane, and which of its four parts are inside the row.</summary>
    public const string Declare =
        """
        .reg .b32 cv<16>; .reg .pred cp<4>;
        """;

    /// <summary>%0: address in the row, %1: bytes left from there to the end of the row or of the piece.</summary>
    public const string Load =
        """
        setp.gt.s32 cp0, %1, 0; setp.gt.s32 cp1, %1, 512; setp.gt.s32 cp2, %1, 1024; setp.gt.s32 cp3, %1, 1536;
        @cp0 ld.global.L1::no_allocate.v4.b32 {cv0, cv1, cv2, cv3}, [%0+0]; @cp1 ld.global.L1::no_allocate.v4.b32 {cv4, cv5, cv6, cv7}, [%0+512];
        @cp2 ld.global.L1::no_allocate.v4.b32 {cv8, cv9, cv10, cv11}, [%0+1024]; @cp3 ld.global.L1::no_allocate.v4.b32 {cv12, cv13, cv14, cv15}, [%0+1536];
        """;

    /// <summary>%0: address in the row.</summary>
    public const string Store =
        """
        @cp0 st.global.v4.b32 [%0+0], {cv0, cv1, cv2, cv3}; @cp1 st.global.v4.b32 [%0+512], {cv4, cv5, cv6, cv7};
        @cp2 st.global.v4.b32 [%0+1024], {cv8, cv9, cv10, cv11}; @cp3 st.global.v4.b32 [%0+1536], {cv12, cv13, cv14, cv15};
        """;
}
