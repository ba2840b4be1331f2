namespace ElasticEp.Cuda.Kernels;

/// <summary>
/// Inline PTX; the names are registers declared at the head of the kernel, which keep values from one block to the next. ILGPU takes
/// PTX from literals only.
/// </summary>
internal static class SumPtx
{
    /// <summary>Registers of a weighted sum: rows, row numbers, weights, sums.</summary>
    public const string Declare =
        """
        .reg .b32 sv<32>; .reg .b32 sx<8>; .reg .b32 st<4>; .reg .f32 sw<8>; .reg .f32 sc<8>; .reg .f32 sf<2>; .reg .b64 sa; .reg .pred sp<2>; .reg .pred sl;
        """;

    /// <summary>Sums of zero.</summary>
    public const string Clear =
        """
        mov.f32 sc0, 0f00000000; mov.f32 sc1, 0f00000000; mov.f32 sc2, 0f00000000; mov.f32 sc3, 0f00000000; mov.f32 sc4, 0f00000000; mov.f32 sc5, 0f00000000;
        mov.f32 sc6, 0f00000000; mov.f32 sc7, 0f00000000;
        """;

    /// <summary>
    /// Up to eight terms, in order. %0: rows at this lane, %1: numbers of rows, %2: weights, %3: bytes of a row, %4: terms, %5: bytes left
    /// in the row. A term that is skipped has a row of zeros and the weight −0, which leave every sum as it is, −0 too: with predicates on
    /// the sums instead, a thread would have too few of them for eight rows in flight.
    /// </summary>
    public const string AddBFloat16 =
        """
        setp.gt.s32 sl, %5, 0; setp.gt.and.s32 sp0, %4, 0, sl; mov.b32 sx0, -1; @sp0 ld.global.b32 sx0, [%1+0]; setp.gt.and.s32 sp0, %4, 1, sl; mov.b32 sx1, -1;
        @sp0 ld.global.b32 sx1, [%1+4]; setp.gt.and.s32 sp0, %4, 2, sl; mov.b32 sx2, -1; @sp0 ld.global.b32 sx2, [%1+8]; setp.gt.and.s32 sp0, %4, 3, sl;
        mov.b32 sx3, -1; @sp0 ld.global.b32 sx3, [%1+12]; setp.gt.and.s32 sp0, %4, 4, sl; mov.b32 sx4, -1; @sp0 ld.global.b32 sx4, [%1+16];
        setp.gt.and.s32 sp0, %4, 5, sl; mov.b32 sx5, -1; @sp0 ld.global.b32 sx5, [%1+20]; setp.gt.and.s32 sp0, %4, 6, sl; mov.b32 sx6, -1;
        @sp0 ld.global.b32 sx6, [%1+24]; setp.gt.and.s32 sp0, %4, 7, sl; mov.b32 sx7, -1; @sp0 ld.global.b32 sx7, [%1+28]; setp.ge.s32 sp0, sx0, 0;
        mad.wide.s32 sa, sx0, %3, %0; mov.b32 sv0, 0; mov.b32 sv1, 0; mov.b32 sv2, 0; mov.b32 sv3, 0; mov.f32 sw0, 0f80000000;
        @sp0 ld.global.L1::no_allocate.v4.b32 {sv0, sv1, sv2, sv3}, [sa]; @sp0 ld.global.f32 sw0, [%2+0]; setp.ge.s32 sp0, sx1, 0; mad.wide.s32 sa, sx1, %3, %0;
        mov.b32 sv4, 0; mov.b32 sv5, 0; mov.b32 sv6, 0; mov.b32 sv7, 0; mov.f32 sw1, 0f80000000;
        @sp0 ld.global.L1::no_allocate.v4.b32 {sv4, sv5, sv6, sv7}, [sa]; @sp0 ld.global.f32 sw1, [%2+4]; setp.ge.s32 sp0, sx2, 0; mad.wide.s32 sa, sx2, %3, %0;
        mov.b32 sv8, 0; mov.b32 sv9, 0; mov.b32 sv10, 0; mov.b32 sv11, 0; mov.f32 sw2, 0f80000000;
        @sp0 ld.global.L1::no_allocate.v4.b32 {sv8, sv9, sv10, sv11}, [sa]; @sp0 ld.global.f32 sw2, [%2+8]; setp.ge.s32 sp0, sx3, 0;
        mad.wide.s32 sa, sx3, %3, %0; mov.b32 sv12, 0; mov.b32 sv13, 0; mov.b32 sv14, 0; mov.b32 sv15, 0; mov.f32 sw3, 0f80000000;
        @sp0 ld.global.L1::no_allocate.v4.b32 {sv12, sv13, sv14, sv15}, [sa]; @sp0 ld.global.f32 sw3, [%2+12]; setp.ge.s32 sp0, sx4, 0;
        mad.wide.s32 sa, sx4, %3, %0; mov.b32 sv16, 0; mov.b32 sv17, 0; mov.b32 sv18, 0; mov.b32 sv19, 0; mov.f32 sw4, 0f80000000;
        @sp0 ld.global.L1::no_allocate.v4.b32 {sv16, sv17, sv18, sv19}, [sa]; @sp0 ld.global.f32 sw4, [%2+16]; setp.ge.s32 sp0, sx5, 0;
        mad.wide.s32 sa, sx5, %3, %0; mov.b32 sv20, 0; mov.b32 sv21, 0; mov.b32 sv22, 0; mov.b32 sv23, 0; mov.f32 sw5, 0f80000000;
        @sp0 ld.global.L1::no_allocate.v4.b32 {sv20, sv21, sv22, sv23}, [sa]; @sp0 ld.global.f32 sw5, [%2+20]; setp.ge.s32 sp0, sx6, 0;
        mad.wide.s32 sa, sx6, %3, %0; mov.b32 sv24, 0; mov.b32 sv25, 0; mov.b32 sv26, 0; mov.b32 sv27, 0; mov.f32 sw6, 0f80000000;
        @sp0 ld.global.L1::no_allocate.v4.b32 {sv24, sv25, sv26, sv27}, [sa]; @sp0 ld.global.f32 sw6, [%2+24]; setp.ge.s32 sp0, sx7, 0;
        mad.wide.s32 sa, sx7, %3, %0; mov.b32 sv28, 0; mov.b32 sv29, 0; mov.b32 sv30, 0; mov.b32 sv31, 0; mov.f32 sw7, 0f80000000;
        @sp0 ld.global.L1::no_allocate.v4.b32 {sv28, sv29, sv30, sv31}, [sa]; @sp0 ld.global.f32 sw7, [%2+28]; shl.b32 st0, sv0, 16;
        and.b32 st1, sv0, 0xffff0000; mov.b32 sf0, st0; mov.b32 sf1, st1; fma.rn.f32 sc0, sw0, sf0, sc0; fma.rn.f32 sc1, sw0, sf1, sc1; shl.b32 st0, sv1, 16;
        and.b32 st1, sv1, 0xffff0000; mov.b32 sf0, st0; mov.b32 sf1, st1; fma.rn.f32 sc2, sw0, sf0, sc2; fma.rn.f32 sc3, sw0, sf1, sc3; shl.b32 st0, sv2, 16;
        and.b32 st1, sv2, 0xffff0000; mov.b32 sf0, st0; mov.b32 sf1, st1; fma.rn.f32 sc4, sw0, sf0, sc4; fma.rn.f32 sc5, sw0, sf1, sc5; shl.b32 st0, sv3, 16;
        and.b32 st1, sv3, 0xffff0000; mov.b32 sf0, st0; mov.b32 sf1, st1; fma.rn.f32 sc6, sw0, sf0, sc6; fma.rn.f32 sc7, sw0, sf1, sc7; shl.b32 st0, sv4, 16;
        and.b32 st1, sv4, 0xffff0000; mov.b32 sf0, st0; mov.b32 sf1, st1; fma.rn.f32 sc0, sw1, sf0, sc0; fma.rn.f32 sc1, sw1, sf1, sc1; shl.b32 st0, sv5, 16;
        and.b32 st1, sv5, 0xffff0000; mov.b32 sf0, st0; mov.b32 sf1, st1; fma.rn.f32 sc2, sw1, sf0, sc2; fma.rn.f32 sc3, sw1, sf1, sc3; shl.b32 st0, sv6, 16;
        and.b32 st1, sv6, 0xffff0000; mov.b32 sf0, st0; mov.b32 sf1, st1; fma.rn.f32 sc4, sw1, sf0, sc4; fma.rn.f32 sc5, sw1, sf1, sc5; shl.b32 st0, sv7, 16;
        and.b32 st1, sv7, 0xffff0000; mov.b32 sf0, st0; mov.b32 sf1, st1; fma.rn.f32 sc6, sw1, sf0, sc6; fma.rn.f32 sc7, sw1, sf1, sc7; shl.b32 st0, sv8, 16;
        and.b32 st1, sv8, 0xffff0000; mov.b32 sf0, st0; mov.b32 sf1, st1; fma.rn.f32 sc0, sw2, sf0, sc0; fma.rn.f32 sc1, sw2, sf1, sc1; shl.b32 st0, sv9, 16;
        and.b32 st1, sv9, 0xffff0000; mov.b32 sf0, st0; mov.b32 sf1, st1; fma.rn.f32 sc2, sw2, sf0, sc2; fma.rn.f32 sc3, sw2, sf1, sc3; shl.b32 st0, sv10, 16;
        and.b32 st1, sv10, 0xffff0000; mov.b32 sf0, st0; mov.b32 sf1, st1; fma.rn.f32 sc4, sw2, sf0, sc4; fma.rn.f32 sc5, sw2, sf1, sc5;
        shl.b32 st0, sv11, 16; and.b32 st1, sv11, 0xffff0000; mov.b32 sf0, st0; mov.b32 sf1, st1; fma.rn.f32 sc6, sw2, sf0, sc6;
        fma.rn.f32 sc7, sw2, sf1, sc7; shl.b32 st0, sv12, 16; and.b32 st1, sv12, 0xffff0000; mov.b32 sf0, st0; mov.b32 sf1, st1;
        fma.rn.f32 sc0, sw3, sf0, sc0; fma.rn.f32 sc1, sw3, sf1, sc1; shl.b32 st0, sv13, 16; and.b32 st1, sv13, 0xffff0000; mov.b32 sf0, st0;
        mov.b32 sf1, st1; fma.rn.f32 sc2, sw3, sf0, sc2; fma.rn.f32 sc3, sw3, sf1, sc3; shl.b32 st0, sv14, 16; and.b32 st1, sv14, 0xffff0000;
        mov.b32 sf0, st0; mov.b32 sf1, st1; fma.rn.f32 sc4, sw3, sf0, sc4; fma.rn.f32 sc5, sw3, sf1, sc5; shl.b32 st0, sv15, 16;
        and.b32 st1, sv15, 0xffff0000; mov.b32 sf0, st0; mov.b32 sf1, st1; fma.rn.f32 sc6, sw3, sf0, sc6; fma.rn.f32 sc7, sw3, sf1, sc7;
        shl.b32 st0, sv16, 16; and.b32 st1, sv16, 0xffff0000; mov.b32 sf0, st0; mov.b32 sf1, st1; fma.rn.f32 sc0, sw4, sf0, sc0;
        fma.rn.f32 sc1, sw4, sf1, sc1; shl.b32 st0, sv17, 16; and.b32 st1, sv17, 0xffff0000; mov.b32 sf0, st0; mov.b32 sf1, st1;
        fma.rn.f32 sc2, sw4, sf0, sc2; fma.rn.f32 sc3, sw4, sf1, sc3; shl.b32 st0, sv18, 16; and.b32 st1, sv18, 0xffff0000; mov.b32 sf0, st0;
        mov.b32 sf1, st1; fma.rn.f32 sc4, sw4, sf0, sc4; fma.rn.f32 sc5, sw4, sf1, sc5; shl.b32 st0, sv19, 16; and.b32 st1, sv19, 0xffff0000;
        mov.b32 sf0, st0; mov.b32 sf1, st1; fma.rn.f32 sc6, sw4, sf0, sc6; fma.rn.f32 sc7, sw4, sf1, sc7; shl.b32 st0, sv20, 16;
        and.b32 st1, sv20, 0xffff0000; mov.b32 sf0, st0; mov.b32 sf1, st1; fma.rn.f32 sc0, sw5, sf0, sc0; fma.rn.f32 sc1, sw5, sf1, sc1;
        shl.b32 st0, sv21, 16; and.b32 st1, sv21, 0xffff0000; mov.b32 sf0, st0; mov.b32 sf1, st1; fma.rn.f32 sc2, sw5, sf0, sc2;
        fma.rn.f32 sc3, sw5, sf1, sc3; shl.b32 st0, sv22, 16; and.b32 st1, sv22, 0xffff0000; mov.b32 sf0, st0; mov.b32 sf1, st1;
        fma.rn.f32 sc4, sw5, sf0, sc4; fma.rn.f32 sc5, sw5, sf1, sc5; shl.b32 st0, sv23, 16; and.b32 st1, sv23, 0xffff0000; mov.b32 sf0, st0;
        mov.b32 sf1, st1; fma.rn.f32 sc6, sw5, sf0, sc6; fma.rn.f32 sc7, sw5, sf1, sc7; shl.b32 st0, sv24, 16; and.b32 st1, sv24, 0xffff0000;
        mov.b32 sf0, st0; mov.b32 sf1, st1; fma.rn.f32 sc0, sw6, sf0, sc0; fma.rn.f32 sc1, sw6, sf1, sc1; shl.b32 st0, sv25, 16;
        and.b32 st1, sv25, 0xffff0000; mov.b32 sf0, st0; mov.b32 sf1, st1; fma.rn.f32 sc2, sw6, sf0, sc2; fma.rn.f32 sc3, sw6, sf1, sc3;
        shl.b32 st0, sv26, 16; and.b32 st1, sv26, 0xffff0000; mov.b32 sf0, st0; mov.b32 sf1, st1; fma.rn.f32 sc4, sw6, sf0, sc4;
        fma.rn.f32 sc5, sw6, sf1, sc5; shl.b32 st0, sv27, 16; and.b32 st1, sv27, 0xffff0000; mov.b32 sf0, st0; mov.b32 sf1, st1;
        fma.rn.f32 sc6, sw6, sf0, sc6; fma.rn.f32 sc7, sw6, sf1, sc7; shl.b32 st0, sv28, 16; and.b32 st1, sv28, 0xffff0000; mov.b32 sf0, st0;
        mov.b32 sf1, st1; fma.rn.f32 sc0, sw7, sf0, sc0; fma.rn.f32 sc1, sw7, sf1, sc1; shl.b32 st0, sv29, 16; and.b32 st1, sv29, 0xffff0000;
        mov.b32 sf0, st0; mov.b32 sf1, st1; fma.rn.f32 sc2, sw7, sf0, sc2; fma.rn.f32 sc3, sw7, sf1, sc3; shl.b32 st0, sv30, 16;
        and.b32 st1, sv30, 0xffff0000; mov.b32 sf0, st0; mov.b32 sf1, st1; fma.rn.f32 sc4, sw7, sf0, sc4; fma.rn.f32 sc5, sw7, sf1, sc5;
        shl.b32 st0, sv31, 16; and.b32 st1, sv31, 0xffff0000; mov.b32 sf0, st0; mov.b32 sf1, st1; fma.rn.f32 sc6, sw7, sf0, sc6;
        fma.rn.f32 sc7, sw7, sf1, sc7;
        """;

    /// <summary>The same for binary32.</summary>
    public const string AddFloat32 =
        """
        setp.gt.s32 sl, %5, 0; setp.gt.and.s32 sp0, %4, 0, sl; mov.b32 sx0, -1; @sp0 ld.global.b32 sx0, [%1+0]; setp.gt.and.s32 sp0, %4, 1, sl; mov.b32 sx1, -1;
        @sp0 ld.global.b32 sx1, [%1+4]; setp.gt.and.s32 sp0, %4, 2, sl; mov.b32 sx2, -1; @sp0 ld.global.b32 sx2, [%1+8]; setp.gt.and.s32 sp0, %4, 3, sl;
        mov.b32 sx3, -1; @sp0 ld.global.b32 sx3, [%1+12]; setp.gt.and.s32 sp0, %4, 4, sl; mov.b32 sx4, -1; @sp0 ld.global.b32 sx4, [%1+16];
        setp.gt.and.s32 sp0, %4, 5, sl; mov.b32 sx5, -1; @sp0 ld.global.b32 sx5, [%1+20]; setp.gt.and.s32 sp0, %4, 6, sl; mov.b32 sx6, -1;
        @sp0 ld.global.b32 sx6, [%1+24]; setp.gt.and.s32 sp0, %4, 7, sl; mov.b32 sx7, -1; @sp0 ld.global.b32 sx7, [%1+28]; setp.ge.s32 sp0, sx0, 0;
        mad.wide.s32 sa, sx0, %3, %0; mov.b32 sv0, 0; mov.b32 sv1, 0; mov.b32 sv2, 0; mov.b32 sv3, 0; mov.f32 sw0, 0f80000000;
        @sp0 ld.global.L1::no_allocate.v4.b32 {sv0, sv1, sv2, sv3}, [sa]; @sp0 ld.global.f32 sw0, [%2+0]; setp.ge.s32 sp0, sx1, 0; mad.wide.s32 sa, sx1, %3, %0;
        mov.b32 sv4, 0; mov.b32 sv5, 0; mov.b32 sv6, 0; mov.b32 sv7, 0; mov.f32 sw1, 0f80000000;
        @sp0 ld.global.L1::no_allocate.v4.b32 {sv4, sv5, sv6, sv7}, [sa]; @sp0 ld.global.f32 sw1, [%2+4]; setp.ge.s32 sp0, sx2, 0; mad.wide.s32 sa, sx2, %3, %0;
        mov.b32 sv8, 0; mov.b32 sv9, 0; mov.b32 sv10, 0; mov.b32 sv11, 0; mov.f32 sw2, 0f80000000;
        @sp0 ld.global.L1::no_allocate.v4.b32 {sv8, sv9, sv10, sv11}, [sa]; @sp0 ld.global.f32 sw2, [%2+8]; setp.ge.s32 sp0, sx3, 0;
        mad.wide.s32 sa, sx3, %3, %0; mov.b32 sv12, 0; mov.b32 sv13, 0; mov.b32 sv14, 0; mov.b32 sv15, 0; mov.f32 sw3, 0f80000000;
        @sp0 ld.global.L1::no_allocate.v4.b32 {sv12, sv13, sv14, sv15}, [sa]; @sp0 ld.global.f32 sw3, [%2+12]; setp.ge.s32 sp0, sx4, 0;
        mad.wide.s32 sa, sx4, %3, %0; mov.b32 sv16, 0; mov.b32 sv17, 0; mov.b32 sv18, 0; mov.b32 sv19, 0; mov.f32 sw4, 0f80000000;
        @sp0 ld.global.L1::no_allocate.v4.b32 {sv16, sv17, sv18, sv19}, [sa]; @sp0 ld.global.f32 sw4, [%2+16]; setp.ge.s32 sp0, sx5, 0;
        mad.wide.s32 sa, sx5, %3, %0; mov.b32 sv20, 0; mov.b32 sv21, 0; mov.b32 sv22, 0; mov.b32 sv23, 0; mov.f32 sw5, 0f80000000;
        @sp0 ld.global.L1::no_allocate.v4.b32 {sv20, sv21, sv22, sv23}, [sa]; @sp0 ld.global.f32 sw5, [%2+20]; setp.ge.s32 sp0, sx6, 0;
        mad.wide.s32 sa, sx6, %3, %0; mov.b32 sv24, 0; mov.b32 sv25, 0; mov.b32 sv26, 0; mov.b32 sv27, 0; mov.f32 sw6, 0f80000000;
        @sp0 ld.global.L1::no_allocate.v4.b32 {sv24, sv25, sv26, sv27}, [sa]; @sp0 ld.global.f32 sw6, [%2+24]; setp.ge.s32 sp0, sx7, 0;
        mad.wide.s32 sa, sx7, %3, %0; mov.b32 sv28, 0; mov.b32 sv29, 0; mov.b32 sv30, 0; mov.b32 sv31, 0; mov.f32 sw7, 0f80000000;
        @sp0 ld.global.L1::no_allocate.v4.b32 {sv28, sv29, sv30, sv31}, [sa]; @sp0 ld.global.f32 sw7, [%2+28]; mov.b32 sf0, sv0; fma.rn.f32 sc0, sw0, sf0, sc0;
        mov.b32 sf0, sv1; fma.rn.f32 sc1, sw0, sf0, sc1; mov.b32 sf0, sv2; fma.rn.f32 sc2, sw0, sf0, sc2; mov.b32 sf0, sv3; fma.rn.f32 sc3, sw0, sf0, sc3;
        mov.b32 sf0, sv4; fma.rn.f32 sc0, sw1, sf0, sc0; mov.b32 sf0, sv5; fma.rn.f32 sc1, sw1, sf0, sc1; mov.b32 sf0, sv6; fma.rn.f32 sc2, sw1, sf0, sc2;
        mov.b32 sf0, sv7; fma.rn.f32 sc3, sw1, sf0, sc3; mov.b32 sf0, sv8; fma.rn.f32 sc0, sw2, sf0, sc0; mov.b32 sf0, sv9; fma.rn.f32 sc1, sw2, sf0, sc1;
        mov.b32 sf0, sv10; fma.rn.f32 sc2, sw2, sf0, sc2; mov.b32 sf0, sv11; fma.rn.f32 sc3, sw2, sf0, sc3; mov.b32 sf0, sv12; fma.rn.f32 sc0, sw3, sf0, sc0;
        mov.b32 sf0, sv13; fma.rn.f32 sc1, sw3, sf0, sc1; mov.b32 sf0, sv14; fma.rn.f32 sc2, sw3, sf0, sc2; mov.b32 sf0, sv15; fma.rn.f32 sc3, sw3, sf0, sc3;
        mov.b32 sf0, sv16; fma.rn.f32 sc0, sw4, sf0, sc0; mov.b32 sf0, sv17; fma.rn.f32 sc1, sw4, sf0, sc1; mov.b32 sf0, sv18; fma.rn.f32 sc2, sw4, sf0, sc2;
        mov.b32 sf0, sv19; fma.rn.f32 sc3, sw4, sf0, sc3; mov.b32 sf0, sv20; fma.rn.f32 sc0, sw5, sf0, sc0; mov.b32 sf0, sv21; fma.rn.f32 sc1, sw5, sf0, sc1;
        mov.b32 sf0, sv22; fma.rn.f32 sc2, sw5, sf0, sc2; mov.b32 sf0, sv23; fma.rn.f32 sc3, sw5, sf0, sc3; mov.b32 sf0, sv24; fma.rn.f32 sc0, sw6, sf0, sc0;
        mov.b32 sf0, sv25; fma.rn.f32 sc1, sw6, sf0, sc1; mov.b32 sf0, sv26; fma.rn.f32 sc2, sw6, sf0, sc2; mov.b32 sf0, sv27; fma.rn.f32 sc3, sw6, sf0, sc3;
        mov.b32 sf0, sv28; fma.rn.f32 sc0, sw7, sf0, sc0; mov.b32 sf0, sv29; fma.rn.f32 sc1, sw7, sf0, sc1; mov.b32 sf0, sv30; fma.rn.f32 sc2, sw7, sf0, sc2;
        mov.b32 sf0, sv31; fma.rn.f32 sc3, sw7, sf0, sc3;
        """;

    /// <summary>%0: address, %1: bytes left in the row. The conversion makes NaN 0x7FFF; here it is 0x7FC0.</summary>
    public const string StoreBFloat16 =
        """
        setp.gt.s32 sl, %1, 0; cvt.rn.bf16x2.f32 st0, sc1, sc0; setp.nan.f32 sp0, sc0, sc0; setp.nan.f32 sp1, sc1, sc1; @sp0 bfi.b32 st0, 0x7fc0, st0, 0, 16;
        @sp1 bfi.b32 st0, 0x7fc0, st0, 16, 16; cvt.rn.bf16x2.f32 st1, sc3, sc2; setp.nan.f32 sp0, sc2, sc2; setp.nan.f32 sp1, sc3, sc3;
        @sp0 bfi.b32 st1, 0x7fc0, st1, 0, 16; @sp1 bfi.b32 st1, 0x7fc0, st1, 16, 16; cvt.rn.bf16x2.f32 st2, sc5, sc4; setp.nan.f32 sp0, sc4, sc4;
        setp.nan.f32 sp1, sc5, sc5; @sp0 bfi.b32 st2, 0x7fc0, st2, 0, 16; @sp1 bfi.b32 st2, 0x7fc0, st2, 16, 16; cvt.rn.bf16x2.f32 st3, sc7, sc6;
        setp.nan.f32 sp0, sc6, sc6; setp.nan.f32 sp1, sc7, sc7; @sp0 bfi.b32 st3, 0x7fc0, st3, 0, 16; @sp1 bfi.b32 st3, 0x7fc0, st3, 16, 16;
        @sl st.global.v4.b32 [%0], {st0, st1, st2, st3};
        """;

    /// <summary>%0: address, %1: bytes left in the row.</summary>
    public const string StoreFloat32 =
        """
        setp.gt.s32 sl, %1, 0; setp.nan.f32 sp0, sc0, sc0; mov.b32 st0, sc0; @sp0 mov.b32 st0, 0x7fc00000; setp.nan.f32 sp0, sc1, sc1; mov.b32 st1, sc1;
        @sp0 mov.b32 st1, 0x7fc00000; setp.nan.f32 sp0, sc2, sc2; mov.b32 st2, sc2; @sp0 mov.b32 st2, 0x7fc00000; setp.nan.f32 sp0, sc3, sc3;
        mov.b32 st3, sc3; @sp0 mov.b32 st3, 0x7fc00000; @sl st.global.v4.b32 [%0], {st0, st1, st2, st3};
        """;
}
