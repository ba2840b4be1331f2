namespace ElasticEp.Cuda.Kernels;

/// <summary>
/// Inline PTX; the names are registers declared at the head of the kernel, which keep values from one block to the next. ILGPU takes
/// PTX from literals only.
/// </summary>
internal static class ExpandPtx
{
    /// <summary>Registers for 32 values of a lane: eight of each of four chunks of 256.</summary>
    public const string Declare =
        """
        .reg .b32 ev<16>; .reg .b32 ec<8>; .reg .b32 ea; .reg .b16 eh<2>; .reg .b16 eg<2>; .reg .f32 ef<2>; .reg .f32 es<4>; .reg .pred ep<4>; .reg .pred eq;
        """;

    /// <summary>%0: address of the values, %1: address of the scale of the lane's first group, %2: values left in the row.</summary>
    public const string Load =
        """
        setp.gt.s32 ep0, %2, 0; setp.gt.s32 ep1, %2, 256; setp.gt.s32 ep2, %2, 512; setp.gt.s32 ep3, %2, 768;
        @ep0 ld.global.L1::no_allocate.v2.b32 {ec0, ec1}, [%0+0]; @ep1 ld.global.L1::no_allocate.v2.b32 {ec2, ec3}, [%0+256];
        @ep2 ld.global.L1::no_allocate.v2.b32 {ec4, ec5}, [%0+512]; @ep3 ld.global.L1::no_allocate.v2.b32 {ec6, ec7}, [%0+768];
        @ep0 ld.global.f32 es0, [%1+0]; @ep1 ld.global.f32 es1, [%1+8]; @ep2 ld.global.f32 es2, [%1+16]; @ep3 ld.global.f32 es3, [%1+24];
        mov.b32 {eh0, eh1}, ec0; cvt.rn.f16x2.e4m3x2 ea, eh0; mov.b32 {eg0, eg1}, ea; cvt.f32.f16 ef0, eg0; cvt.f32.f16 ef1, eg1; mul.rn.f32 ef0, ef0, es0;
        mul.rn.f32 ef1, ef1, es0; cvt.rn.bf16x2.f32 ev0, ef1, ef0; setp.nan.f32 eq, ef0, ef0; @eq bfi.b32 ev0, 0x7fc0, ev0, 0, 16; setp.nan.f32 eq, ef1, ef1;
        @eq bfi.b32 ev0, 0x7fc0, ev0, 16, 16; cvt.rn.f16x2.e4m3x2 ea, eh1; mov.b32 {eg0, eg1}, ea; cvt.f32.f16 ef0, eg0; cvt.f32.f16 ef1, eg1;
        mul.rn.f32 ef0, ef0, es0; mul.rn.f32 ef1, ef1, es0; cvt.rn.bf16x2.f32 ev1, ef1, ef0; setp.nan.f32 eq, ef0, ef0; @eq bfi.b32 ev1, 0x7fc0, ev1, 0, 16;
        setp.nan.f32 eq, ef1, ef1; @eq bfi.b32 ev1, 0x7fc0, ev1, 16, 16; mov.b32 {eh0, eh1}, ec1; cvt.rn.f16x2.e4m3x2 ea, eh0; mov.b32 {eg0, eg1}, ea;
        cvt.f32.f16 ef0, eg0; cvt.f32.f16 ef1, eg1; mul.rn.f32 ef0, ef0, es0; mul.rn.f32 ef1, ef1, es0; cvt.rn.bf16x2.f32 ev2, ef1, ef0;
        setp.nan.f32 eq, ef0, ef0; @eq bfi.b32 ev2, 0x7fc0, ev2, 0, 16; setp.nan.f32 eq, ef1, ef1; @eq bfi.b32 ev2, 0x7fc0, ev2, 16, 16;
        cvt.rn.f16x2.e4m3x2 ea, eh1; mov.b32 {eg0, eg1}, ea; cvt.f32.f16 ef0, eg0; cvt.f32.f16 ef1, eg1; mul.rn.f32 ef0, ef0, es0; mul.rn.f32 ef1, ef1, es0;
        cvt.rn.bf16x2.f32 ev3, ef1, ef0; setp.nan.f32 eq, ef0, ef0; @eq bfi.b32 ev3, 0x7fc0, ev3, 0, 16; setp.nan.f32 eq, ef1, ef1;
        @eq bfi.b32 ev3, 0x7fc0, ev3, 16, 16; mov.b32 {eh0, eh1}, ec2; cvt.rn.f16x2.e4m3x2 ea, eh0; mov.b32 {eg0, eg1}, ea; cvt.f32.f16 ef0, eg0;
        cvt.f32.f16 ef1, eg1; mul.rn.f32 ef0, ef0, es1; mul.rn.f32 ef1, ef1, es1; cvt.rn.bf16x2.f32 ev4, ef1, ef0; setp.nan.f32 eq, ef0, ef0;
        @eq bfi.b32 ev4, 0x7fc0, ev4, 0, 16; setp.nan.f32 eq, ef1, ef1; @eq bfi.b32 ev4, 0x7fc0, ev4, 16, 16; cvt.rn.f16x2.e4m3x2 ea, eh1;
        mov.b32 {eg0, eg1}, ea; cvt.f32.f16 ef0, eg0; cvt.f32.f16 ef1, eg1; mul.rn.f32 ef0, ef0, es1; mul.rn.f32 ef1, ef1, es1;
        cvt.rn.bf16x2.f32 ev5, ef1, ef0; setp.nan.f32 eq, ef0, ef0; @eq bfi.b32 ev5, 0x7fc0, ev5, 0, 16; setp.nan.f32 eq, ef1, ef1;
        @eq bfi.b32 ev5, 0x7fc0, ev5, 16, 16; mov.b32 {eh0, eh1}, ec3; cvt.rn.f16x2.e4m3x2 ea, eh0; mov.b32 {eg0, eg1}, ea; cvt.f32.f16 ef0, eg0;
        cvt.f32.f16 ef1, eg1; mul.rn.f32 ef0, ef0, es1; mul.rn.f32 ef1, ef1, es1; cvt.rn.bf16x2.f32 ev6, ef1, ef0; setp.nan.f32 eq, ef0, ef0;
        @eq bfi.b32 ev6, 0x7fc0, ev6, 0, 16; setp.nan.f32 eq, ef1, ef1; @eq bfi.b32 ev6, 0x7fc0, ev6, 16, 16; cvt.rn.f16x2.e4m3x2 ea, eh1;
        mov.b32 {eg0, eg1}, ea; cvt.f32.f16 ef0, eg0; cvt.f32.f16 ef1, eg1; mul.rn.f32 ef0, ef0, es1; mul.rn.f32 ef1, ef1, es1;
        cvt.rn.bf16x2.f32 ev7, ef1, ef0; setp.nan.f32 eq, ef0, ef0; @eq bfi.b32 ev7, 0x7fc0, ev7, 0, 16; setp.nan.f32 eq, ef1, ef1;
        @eq bfi.b32 ev7, 0x7fc0, ev7, 16, 16; mov.b32 {eh0, eh1}, ec4; cvt.rn.f16x2.e4m3x2 ea, eh0; mov.b32 {eg0, eg1}, ea; cvt.f32.f16 ef0, eg0;
        cvt.f32.f16 ef1, eg1; mul.rn.f32 ef0, ef0, es2; mul.rn.f32 ef1, ef1, es2; cvt.rn.bf16x2.f32 ev8, ef1, ef0; setp.nan.f32 eq, ef0, ef0;
        @eq bfi.b32 ev8, 0x7fc0, ev8, 0, 16; setp.nan.f32 eq, ef1, ef1; @eq bfi.b32 ev8, 0x7fc0, ev8, 16, 16; cvt.rn.f16x2.e4m3x2 ea, eh1;
        mov.b32 {eg0, eg1}, ea; cvt.f32.f16 ef0, eg0; cvt.f32.f16 ef1, eg1; mul.rn.f32 ef0, ef0, es2; mul.rn.f32 ef1, ef1, es2;
        cvt.rn.bf16x2.f32 ev9, ef1, ef0; setp.nan.f32 eq, ef0, ef0; @eq bfi.b32 ev9, 0x7fc0, ev9, 0, 16; setp.nan.f32 eq, ef1, ef1;
        @eq bfi.b32 ev9, 0x7fc0, ev9, 16, 16; mov.b32 {eh0, eh1}, ec5; cvt.rn.f16x2.e4m3x2 ea, eh0; mov.b32 {eg0, eg1}, ea; cvt.f32.f16 ef0, eg0;
        cvt.f32.f16 ef1, eg1; mul.rn.f32 ef0, ef0, es2; mul.rn.f32 ef1, ef1, es2; cvt.rn.bf16x2.f32 ev10, ef1, ef0; setp.nan.f32 eq, ef0, ef0;
        @eq bfi.b32 ev10, 0x7fc0, ev10, 0, 16; setp.nan.f32 eq, ef1, ef1; @eq bfi.b32 ev10, 0x7fc0, ev10, 16, 16; cvt.rn.f16x2.e4m3x2 ea, eh1;
        mov.b32 {eg0, eg1}, ea; cvt.f32.f16 ef0, eg0; cvt.f32.f16 ef1, eg1; mul.rn.f32 ef0, ef0, es2; mul.rn.f32 ef1, ef1, es2;
        cvt.rn.bf16x2.f32 ev11, ef1, ef0; setp.nan.f32 eq, ef0, ef0; @eq bfi.b32 ev11, 0x7fc0, ev11, 0, 16; setp.nan.f32 eq, ef1, ef1;
        @eq bfi.b32 ev11, 0x7fc0, ev11, 16, 16; mov.b32 {eh0, eh1}, ec6; cvt.rn.f16x2.e4m3x2 ea, eh0; mov.b32 {eg0, eg1}, ea; cvt.f32.f16 ef0, eg0;
        cvt.f32.f16 ef1, eg1; mul.rn.f32 ef0, ef0, es3; mul.rn.f32 ef1, ef1, es3; cvt.rn.bf16x2.f32 ev12, ef1, ef0; setp.nan.f32 eq, ef0, ef0;
        @eq bfi.b32 ev12, 0x7fc0, ev12, 0, 16; setp.nan.f32 eq, ef1, ef1; @eq bfi.b32 ev12, 0x7fc0, ev12, 16, 16; cvt.rn.f16x2.e4m3x2 ea, eh1;
        mov.b32 {eg0, eg1}, ea; cvt.f32.f16 ef0, eg0; cvt.f32.f16 ef1, eg1; mul.rn.f32 ef0, ef0, es3; mul.rn.f32 ef1, ef1, es3;
        cvt.rn.bf16x2.f32 ev13, ef1, ef0; setp.nan.f32 eq, ef0, ef0; @eq bfi.b32 ev13, 0x7fc0, ev13, 0, 16; setp.nan.f32 eq, ef1, ef1;
        @eq bfi.b32 ev13, 0x7fc0, ev13, 16, 16; mov.b32 {eh0, eh1}, ec7; cvt.rn.f16x2.e4m3x2 ea, eh0; mov.b32 {eg0, eg1}, ea; cvt.f32.f16 ef0, eg0;
        cvt.f32.f16 ef1, eg1; mul.rn.f32 ef0, ef0, es3; mul.rn.f32 ef1, ef1, es3; cvt.rn.bf16x2.f32 ev14, ef1, ef0; setp.nan.f32 eq, ef0, ef0;
        @eq bfi.b32 ev14, 0x7fc0, ev14, 0, 16; setp.nan.f32 eq, ef1, ef1; @eq bfi.b32 ev14, 0x7fc0, ev14, 16, 16; cvt.rn.f16x2.e4m3x2 ea, eh1;
        mov.b32 {eg0, eg1}, ea; cvt.f32.f16 ef0, eg0; cvt.f32.f16 ef1, eg1; mul.rn.f32 ef0, ef0, es3; mul.rn.f32 ef1, ef1, es3;
        cvt.rn.bf16x2.f32 ev15, ef1, ef0; setp.nan.f32 eq, ef0, ef0; @eq bfi.b32 ev15, 0x7fc0, ev15, 0, 16; setp.nan.f32 eq, ef1, ef1;
        @eq bfi.b32 ev15, 0x7fc0, ev15, 16, 16;
        """;

    /// <summary>%0: address in the bfloat16 row.</summary>
    public const string Store =
        """
        @ep0 st.global.v4.b32 [%0+0], {ev0, ev1, ev2, ev3}; @ep1 st.global.v4.b32 [%0+512], {ev4, ev5, ev6, ev7};
        @ep2 st.global.v4.b32 [%0+1024], {ev8, ev9, ev10, ev11}; @ep3 st.global.v4.b32 [%0+1536], {ev12, ev13, ev14, ev15};
        """;
}
