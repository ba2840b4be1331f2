namespace ElasticEp.Cuda.Kernels;

/// <summary>
/// Inline PTX; the names are registers declared at the head of the kernel, which keep values from one block to the next. ILGPU takes
/// PTX from literals only.
/// </summary>
internal static class QuantisePtx
{
    /// <summary>Registers for 32 values of a lane: eight of each of four chunks of 256.</summary>
    public const string Declare =
        """
        .reg .b32 qv<16>; .reg .b32 qc<8>; .reg .b32 qa<4>; .reg .b16 qh<4>; .reg .f32 qf<3>; .reg .f32 qs<4>; .reg .f32 qleast; .reg .pred qp<4>;
        .reg .pred qw, qr;
        """;

    /// <summary>%0: address in the bfloat16 row, %1: bytes left from there to its end, %2: the least maximum of a group.</summary>
    public const string Load =
        """
        mov.f32 qleast, %2; setp.gt.s32 qp0, %1, 0; setp.gt.s32 qp1, %1, 512; setp.gt.s32 qp2, %1, 1024; setp.gt.s32 qp3, %1, 1536; mov.b32 qv0, 0;
        mov.b32 qv1, 0; mov.b32 qv2, 0; mov.b32 qv3, 0; mov.b32 qv4, 0; mov.b32 qv5, 0; mov.b32 qv6, 0; mov.b32 qv7, 0; mov.b32 qv8, 0; mov.b32 qv9, 0;
        mov.b32 qv10, 0; mov.b32 qv11, 0; mov.b32 qv12, 0; mov.b32 qv13, 0; mov.b32 qv14, 0; mov.b32 qv15, 0;
        @qp0 ld.global.L1::no_allocate.v4.b32 {qv0, qv1, qv2, qv3}, [%0+0]; @qp1 ld.global.L1::no_allocate.v4.b32 {qv4, qv5, qv6, qv7}, [%0+512];
        @qp2 ld.global.L1::no_allocate.v4.b32 {qv8, qv9, qv10, qv11}, [%0+1024]; @qp3 ld.global.L1::no_allocate.v4.b32 {qv12, qv13, qv14, qv15}, [%0+1536];
        """;

    /// <summary>Sixteen lanes hold a group of 128: its scale is its largest magnitude / 448.</summary>
    public const string Scale =
        """
        and.b32 qa0, qv0, 0x7fff7fff; and.b32 qa1, qv1, 0x7fff7fff; and.b32 qa2, qv2, 0x7fff7fff; and.b32 qa3, qv3, 0x7fff7fff; max.bf16x2 qa0, qa0, qa1;
        max.bf16x2 qa2, qa2, qa3; max.bf16x2 qa0, qa0, qa2; shl.b32 qa1, qa0, 16; and.b32 qa0, qa0, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1;
        max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 8, 31, 0xffffffff; max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 4, 31, 0xffffffff;
        max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 2, 31, 0xffffffff; max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 1, 31, 0xffffffff;
        max.f32 qf0, qf0, qf1; max.f32 qf0, qf0, qleast; div.rn.f32 qs0, qf0, 0f43E00000; div.rn.f32 qf2, 0f43E00000, qf0; shl.b32 qa0, qv0, 16;
        and.b32 qa1, qv0, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1; mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2;
        cvt.rn.satfinite.e4m3x2.f32 qh0, qf1, qf0; shl.b32 qa0, qv1, 16; and.b32 qa1, qv1, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1;
        mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2; cvt.rn.satfinite.e4m3x2.f32 qh1, qf1, qf0; shl.b32 qa0, qv2, 16; and.b32 qa1, qv2, 0xffff0000;
        mov.b32 qf0, qa0; mov.b32 qf1, qa1; mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2; cvt.rn.satfinite.e4m3x2.f32 qh2, qf1, qf0;
        shl.b32 qa0, qv3, 16; and.b32 qa1, qv3, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1; mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2;
        cvt.rn.satfinite.e4m3x2.f32 qh3, qf1, qf0; mov.b32 qc0, {qh0, qh1}; mov.b32 qc1, {qh2, qh3}; and.b32 qa0, qv4, 0x7fff7fff;
        and.b32 qa1, qv5, 0x7fff7fff; and.b32 qa2, qv6, 0x7fff7fff; and.b32 qa3, qv7, 0x7fff7fff; max.bf16x2 qa0, qa0, qa1; max.bf16x2 qa2, qa2, qa3;
        max.bf16x2 qa0, qa0, qa2; shl.b32 qa1, qa0, 16; and.b32 qa0, qa0, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1; max.f32 qf0, qf0, qf1;
        shfl.sync.bfly.b32 qf1, qf0, 8, 31, 0xffffffff; max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 4, 31, 0xffffffff; max.f32 qf0, qf0, qf1;
        shfl.sync.bfly.b32 qf1, qf0, 2, 31, 0xffffffff; max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 1, 31, 0xffffffff; max.f32 qf0, qf0, qf1;
        max.f32 qf0, qf0, qleast; div.rn.f32 qs1, qf0, 0f43E00000; div.rn.f32 qf2, 0f43E00000, qf0; shl.b32 qa0, qv4, 16; and.b32 qa1, qv4, 0xffff0000;
        mov.b32 qf0, qa0; mov.b32 qf1, qa1; mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2; cvt.rn.satfinite.e4m3x2.f32 qh0, qf1, qf0;
        shl.b32 qa0, qv5, 16; and.b32 qa1, qv5, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1; mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2;
        cvt.rn.satfinite.e4m3x2.f32 qh1, qf1, qf0; shl.b32 qa0, qv6, 16; and.b32 qa1, qv6, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1;
        mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2; cvt.rn.satfinite.e4m3x2.f32 qh2, qf1, qf0; shl.b32 qa0, qv7, 16; and.b32 qa1, qv7, 0xffff0000;
        mov.b32 qf0, qa0; mov.b32 qf1, qa1; mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2; cvt.rn.satfinite.e4m3x2.f32 qh3, qf1, qf0;
        mov.b32 qc2, {qh0, qh1}; mov.b32 qc3, {qh2, qh3}; and.b32 qa0, qv8, 0x7fff7fff; and.b32 qa1, qv9, 0x7fff7fff; and.b32 qa2, qv10, 0x7fff7fff;
        and.b32 qa3, qv11, 0x7fff7fff; max.bf16x2 qa0, qa0, qa1; max.bf16x2 qa2, qa2, qa3; max.bf16x2 qa0, qa0, qa2; shl.b32 qa1, qa0, 16;
        and.b32 qa0, qa0, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1; max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 8, 31, 0xffffffff;
        max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 4, 31, 0xffffffff; max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 2, 31, 0xffffffff;
        max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 1, 31, 0xffffffff; max.f32 qf0, qf0, qf1; max.f32 qf0, qf0, qleast;
        div.rn.f32 qs2, qf0, 0f43E00000; div.rn.f32 qf2, 0f43E00000, qf0; shl.b32 qa0, qv8, 16; and.b32 qa1, qv8, 0xffff0000; mov.b32 qf0, qa0;
        mov.b32 qf1, qa1; mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2; cvt.rn.satfinite.e4m3x2.f32 qh0, qf1, qf0; shl.b32 qa0, qv9, 16;
        and.b32 qa1, qv9, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1; mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2;
        cvt.rn.satfinite.e4m3x2.f32 qh1, qf1, qf0; shl.b32 qa0, qv10, 16; and.b32 qa1, qv10, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1;
        mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2; cvt.rn.satfinite.e4m3x2.f32 qh2, qf1, qf0; shl.b32 qa0, qv11, 16; and.b32 qa1, qv11, 0xffff0000;
        mov.b32 qf0, qa0; mov.b32 qf1, qa1; mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2; cvt.rn.satfinite.e4m3x2.f32 qh3, qf1, qf0;
        mov.b32 qc4, {qh0, qh1}; mov.b32 qc5, {qh2, qh3}; and.b32 qa0, qv12, 0x7fff7fff; and.b32 qa1, qv13, 0x7fff7fff; and.b32 qa2, qv14, 0x7fff7fff;
        and.b32 qa3, qv15, 0x7fff7fff; max.bf16x2 qa0, qa0, qa1; max.bf16x2 qa2, qa2, qa3; max.bf16x2 qa0, qa0, qa2; shl.b32 qa1, qa0, 16;
        and.b32 qa0, qa0, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1; max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 8, 31, 0xffffffff;
        max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 4, 31, 0xffffffff; max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 2, 31, 0xffffffff;
        max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 1, 31, 0xffffffff; max.f32 qf0, qf0, qf1; max.f32 qf0, qf0, qleast;
        div.rn.f32 qs3, qf0, 0f43E00000; div.rn.f32 qf2, 0f43E00000, qf0; shl.b32 qa0, qv12, 16; and.b32 qa1, qv12, 0xffff0000; mov.b32 qf0, qa0;
        mov.b32 qf1, qa1; mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2; cvt.rn.satfinite.e4m3x2.f32 qh0, qf1, qf0; shl.b32 qa0, qv13, 16;
        and.b32 qa1, qv13, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1; mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2;
        cvt.rn.satfinite.e4m3x2.f32 qh1, qf1, qf0; shl.b32 qa0, qv14, 16; and.b32 qa1, qv14, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1;
        mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2; cvt.rn.satfinite.e4m3x2.f32 qh2, qf1, qf0; shl.b32 qa0, qv15, 16; and.b32 qa1, qv15, 0xffff0000;
        mov.b32 qf0, qa0; mov.b32 qf1, qa1; mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2; cvt.rn.satfinite.e4m3x2.f32 qh3, qf1, qf0;
        mov.b32 qc6, {qh0, qh1}; mov.b32 qc7, {qh2, qh3};
        """;

    /// <summary>The same with the scale rounded up to a power of two.</summary>
    public const string ScaleByPowers =
        """
        and.b32 qa0, qv0, 0x7fff7fff; and.b32 qa1, qv1, 0x7fff7fff; and.b32 qa2, qv2, 0x7fff7fff; and.b32 qa3, qv3, 0x7fff7fff; max.bf16x2 qa0, qa0, qa1;
        max.bf16x2 qa2, qa2, qa3; max.bf16x2 qa0, qa0, qa2; shl.b32 qa1, qa0, 16; and.b32 qa0, qa0, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1;
        max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 8, 31, 0xffffffff; max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 4, 31, 0xffffffff;
        max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 2, 31, 0xffffffff; max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 1, 31, 0xffffffff;
        max.f32 qf0, qf0, qf1; max.f32 qf0, qf0, qleast; div.rn.f32 qf1, qf0, 0f43E00000; mov.b32 qa0, qf1; add.u32 qa0, qa0, 0x007fffff;
        and.b32 qa0, qa0, 0x7f800000; mov.b32 qs0, qa0; sub.u32 qa0, 0x7f000000, qa0; mov.b32 qf2, qa0; shl.b32 qa0, qv0, 16; and.b32 qa1, qv0, 0xffff0000;
        mov.b32 qf0, qa0; mov.b32 qf1, qa1; mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2; cvt.rn.satfinite.e4m3x2.f32 qh0, qf1, qf0;
        shl.b32 qa0, qv1, 16; and.b32 qa1, qv1, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1; mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2;
        cvt.rn.satfinite.e4m3x2.f32 qh1, qf1, qf0; shl.b32 qa0, qv2, 16; and.b32 qa1, qv2, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1;
        mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2; cvt.rn.satfinite.e4m3x2.f32 qh2, qf1, qf0; shl.b32 qa0, qv3, 16; and.b32 qa1, qv3, 0xffff0000;
        mov.b32 qf0, qa0; mov.b32 qf1, qa1; mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2; cvt.rn.satfinite.e4m3x2.f32 qh3, qf1, qf0;
        mov.b32 qc0, {qh0, qh1}; mov.b32 qc1, {qh2, qh3}; and.b32 qa0, qv4, 0x7fff7fff; and.b32 qa1, qv5, 0x7fff7fff; and.b32 qa2, qv6, 0x7fff7fff;
        and.b32 qa3, qv7, 0x7fff7fff; max.bf16x2 qa0, qa0, qa1; max.bf16x2 qa2, qa2, qa3; max.bf16x2 qa0, qa0, qa2; shl.b32 qa1, qa0, 16;
        and.b32 qa0, qa0, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1; max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 8, 31, 0xffffffff;
        max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 4, 31, 0xffffffff; max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 2, 31, 0xffffffff;
        max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 1, 31, 0xffffffff; max.f32 qf0, qf0, qf1; max.f32 qf0, qf0, qleast;
        div.rn.f32 qf1, qf0, 0f43E00000; mov.b32 qa0, qf1; add.u32 qa0, qa0, 0x007fffff; and.b32 qa0, qa0, 0x7f800000; mov.b32 qs1, qa0;
        sub.u32 qa0, 0x7f000000, qa0; mov.b32 qf2, qa0; shl.b32 qa0, qv4, 16; and.b32 qa1, qv4, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1;
        mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2; cvt.rn.satfinite.e4m3x2.f32 qh0, qf1, qf0; shl.b32 qa0, qv5, 16; and.b32 qa1, qv5, 0xffff0000;
        mov.b32 qf0, qa0; mov.b32 qf1, qa1; mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2; cvt.rn.satfinite.e4m3x2.f32 qh1, qf1, qf0;
        shl.b32 qa0, qv6, 16; and.b32 qa1, qv6, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1; mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2;
        cvt.rn.satfinite.e4m3x2.f32 qh2, qf1, qf0; shl.b32 qa0, qv7, 16; and.b32 qa1, qv7, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1;
        mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2; cvt.rn.satfinite.e4m3x2.f32 qh3, qf1, qf0; mov.b32 qc2, {qh0, qh1}; mov.b32 qc3, {qh2, qh3};
        and.b32 qa0, qv8, 0x7fff7fff; and.b32 qa1, qv9, 0x7fff7fff; and.b32 qa2, qv10, 0x7fff7fff; and.b32 qa3, qv11, 0x7fff7fff; max.bf16x2 qa0, qa0, qa1;
        max.bf16x2 qa2, qa2, qa3; max.bf16x2 qa0, qa0, qa2; shl.b32 qa1, qa0, 16; and.b32 qa0, qa0, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1;
        max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 8, 31, 0xffffffff; max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 4, 31, 0xffffffff;
        max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 2, 31, 0xffffffff; max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 1, 31, 0xffffffff;
        max.f32 qf0, qf0, qf1; max.f32 qf0, qf0, qleast; div.rn.f32 qf1, qf0, 0f43E00000; mov.b32 qa0, qf1; add.u32 qa0, qa0, 0x007fffff;
        and.b32 qa0, qa0, 0x7f800000; mov.b32 qs2, qa0; sub.u32 qa0, 0x7f000000, qa0; mov.b32 qf2, qa0; shl.b32 qa0, qv8, 16; and.b32 qa1, qv8, 0xffff0000;
        mov.b32 qf0, qa0; mov.b32 qf1, qa1; mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2; cvt.rn.satfinite.e4m3x2.f32 qh0, qf1, qf0;
        shl.b32 qa0, qv9, 16; and.b32 qa1, qv9, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1; mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2;
        cvt.rn.satfinite.e4m3x2.f32 qh1, qf1, qf0; shl.b32 qa0, qv10, 16; and.b32 qa1, qv10, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1;
        mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2; cvt.rn.satfinite.e4m3x2.f32 qh2, qf1, qf0; shl.b32 qa0, qv11, 16; and.b32 qa1, qv11, 0xffff0000;
        mov.b32 qf0, qa0; mov.b32 qf1, qa1; mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2; cvt.rn.satfinite.e4m3x2.f32 qh3, qf1, qf0;
        mov.b32 qc4, {qh0, qh1}; mov.b32 qc5, {qh2, qh3}; and.b32 qa0, qv12, 0x7fff7fff; and.b32 qa1, qv13, 0x7fff7fff; and.b32 qa2, qv14, 0x7fff7fff;
        and.b32 qa3, qv15, 0x7fff7fff; max.bf16x2 qa0, qa0, qa1; max.bf16x2 qa2, qa2, qa3; max.bf16x2 qa0, qa0, qa2; shl.b32 qa1, qa0, 16;
        and.b32 qa0, qa0, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1; max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 8, 31, 0xffffffff;
        max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 4, 31, 0xffffffff; max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 2, 31, 0xffffffff;
        max.f32 qf0, qf0, qf1; shfl.sync.bfly.b32 qf1, qf0, 1, 31, 0xffffffff; max.f32 qf0, qf0, qf1; max.f32 qf0, qf0, qleast;
        div.rn.f32 qf1, qf0, 0f43E00000; mov.b32 qa0, qf1; add.u32 qa0, qa0, 0x007fffff; and.b32 qa0, qa0, 0x7f800000; mov.b32 qs3, qa0;
        sub.u32 qa0, 0x7f000000, qa0; mov.b32 qf2, qa0; shl.b32 qa0, qv12, 16; and.b32 qa1, qv12, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1;
        mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2; cvt.rn.satfinite.e4m3x2.f32 qh0, qf1, qf0; shl.b32 qa0, qv13, 16; and.b32 qa1, qv13, 0xffff0000;
        mov.b32 qf0, qa0; mov.b32 qf1, qa1; mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2; cvt.rn.satfinite.e4m3x2.f32 qh1, qf1, qf0;
        shl.b32 qa0, qv14, 16; and.b32 qa1, qv14, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1; mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2;
        cvt.rn.satfinite.e4m3x2.f32 qh2, qf1, qf0; shl.b32 qa0, qv15, 16; and.b32 qa1, qv15, 0xffff0000; mov.b32 qf0, qa0; mov.b32 qf1, qa1;
        mul.rn.f32 qf0, qf0, qf2; mul.rn.f32 qf1, qf1, qf2; cvt.rn.satfinite.e4m3x2.f32 qh3, qf1, qf0; mov.b32 qc6, {qh0, qh1}; mov.b32 qc7, {qh2, qh3};
        """;

    /// <summary>%0: address of the values, %1: address of the scale of the lane's first group, %2: lane modulo 16.</summary>
    public const string Store =
        """
        @qp0 st.global.v2.b32 [%0+0], {qc0, qc1}; @qp1 st.global.v2.b32 [%0+256], {qc2, qc3}; @qp2 st.global.v2.b32 [%0+512], {qc4, qc5};
        @qp3 st.global.v2.b32 [%0+768], {qc6, qc7}; setp.eq.s32 qw, %2, 0; and.pred qr, qp0, qw; @qr st.global.f32 [%1+0], qs0; and.pred qr, qp1, qw;
        @qr st.global.f32 [%1+8], qs1; and.pred qr, qp2, qw; @qr st.global.f32 [%1+16], qs2; and.pred qr, qp3, qw; @qr st.global.f32 [%1+24], qs3;
        """;
}
