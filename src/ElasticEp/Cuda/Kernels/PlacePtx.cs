namespace ElasticEp.Cuda.Kernels;

/// <summary>
/// Inline PTX; the names are registers declared at the head of the kernel, which keep values from one block to the next. ILGPU takes
/// PTX from literals only.
/// </summary>
internal static class PlacePtx
{
    /// <summary>Registers for eight slots of a lane, how many were lower and equal, the next place, and the last one that there is.</summary>
    public const string Declare =
        """
        .reg .b32 pv<8>; .reg .b32 plower, pequal, pnext, plast, pleft, pset, pat, pmask; .reg .b64 pa; .reg .pred pp; mov.b32 plower, 0; mov.b32 pequal, 0;
        mov.u32 pmask, %%lanemask_lt;
        """;

    /// <summary>%0: address of the lane's first slot, %1: bytes from one to the next, %2: rows from its row to the end, %3: rows from one to the next.</summary>
    public const string Load =
        """
        mov.b64 pa, %0; mov.b32 pleft, %2; setp.gt.s32 pp, pleft, 0; mov.b32 pv0, -1; @pp ld.global.b32 pv0, [pa]; add.s64 pa, pa, %1;
        sub.s32 pleft, pleft, %3; setp.gt.s32 pp, pleft, 0; mov.b32 pv1, -1; @pp ld.global.b32 pv1, [pa]; add.s64 pa, pa, %1; sub.s32 pleft, pleft, %3;
        setp.gt.s32 pp, pleft, 0; mov.b32 pv2, -1; @pp ld.global.b32 pv2, [pa]; add.s64 pa, pa, %1; sub.s32 pleft, pleft, %3; setp.gt.s32 pp, pleft, 0;
        mov.b32 pv3, -1; @pp ld.global.b32 pv3, [pa]; add.s64 pa, pa, %1; sub.s32 pleft, pleft, %3; setp.gt.s32 pp, pleft, 0; mov.b32 pv4, -1;
        @pp ld.global.b32 pv4, [pa]; add.s64 pa, pa, %1; sub.s32 pleft, pleft, %3; setp.gt.s32 pp, pleft, 0; mov.b32 pv5, -1; @pp ld.global.b32 pv5, [pa];
        add.s64 pa, pa, %1; sub.s32 pleft, pleft, %3; setp.gt.s32 pp, pleft, 0; mov.b32 pv6, -1; @pp ld.global.b32 pv6, [pa]; add.s64 pa, pa, %1;
        sub.s32 pleft, pleft, %3; setp.gt.s32 pp, pleft, 0; mov.b32 pv7, -1; @pp ld.global.b32 pv7, [pa];
        """;

    /// <summary>Numbers in flight in a lane.</summary>
    public const int Batch = 8;

    /// <summary>One of the numbers that were loaded, −1 behind the end.</summary>
    public const string First = "mov.b32 %0, pv0;", Second = "mov.b32 %0, pv1;", Third = "mov.b32 %0, pv2;", Fourth = "mov.b32 %0, pv3;";

    /// <summary>One of the numbers that were loaded, −1 behind the end.</summary>
    public const string Fifth = "mov.b32 %0, pv4;", Sixth = "mov.b32 %0, pv5;", Seventh = "mov.b32 %0, pv6;", Eighth = "mov.b32 %0, pv7;";

    /// <summary>Counts the slots that were loaded. %0: the own slot.</summary>
    public const string Count =
        """
        setp.lt.u32 pp, pv0, %0; @pp add.s32 plower, plower, 1; setp.eq.s32 pp, pv0, %0; @pp add.s32 pequal, pequal, 1; setp.lt.u32 pp, pv1, %0;
        @pp add.s32 plower, plower, 1; setp.eq.s32 pp, pv1, %0; @pp add.s32 pequal, pequal, 1; setp.lt.u32 pp, pv2, %0; @pp add.s32 plower, plower, 1;
        setp.eq.s32 pp, pv2, %0; @pp add.s32 pequal, pequal, 1; setp.lt.u32 pp, pv3, %0; @pp add.s32 plower, plower, 1; setp.eq.s32 pp, pv3, %0;
        @pp add.s32 pequal, pequal, 1; setp.lt.u32 pp, pv4, %0; @pp add.s32 plower, plower, 1; setp.eq.s32 pp, pv4, %0; @pp add.s32 pequal, pequal, 1;
        setp.lt.u32 pp, pv5, %0; @pp add.s32 plower, plower, 1; setp.eq.s32 pp, pv5, %0; @pp add.s32 pequal, pequal, 1; setp.lt.u32 pp, pv6, %0;
        @pp add.s32 plower, plower, 1; setp.eq.s32 pp, pv6, %0; @pp add.s32 pequal, pequal, 1; setp.lt.u32 pp, pv7, %0; @pp add.s32 plower, plower, 1;
        setp.eq.s32 pp, pv7, %0; @pp add.s32 pequal, pequal, 1;
        """;

    /// <summary>Numbers those that are the own slot, in the order of lanes. %0: the own slot, %1: where the first place goes, %2: bytes from one to the next.</summary>
    public const string Write =
        """
        mov.b64 pa, %1; setp.eq.s32 pp, pv0, %0; vote.sync.ballot.b32 pset, pp, 0xffffffff; and.b32 pat, pset, pmask; popc.b32 pat, pat;
        add.s32 pat, pat, pnext; min.s32 pat, pat, plast; @pp st.global.b32 [pa], pat; popc.b32 pset, pset; add.s32 pnext, pnext, pset; add.s64 pa, pa, %2; setp.eq.s32 pp, pv1, %0;
        vote.sync.ballot.b32 pset, pp, 0xffffffff; and.b32 pat, pset, pmask; popc.b32 pat, pat; add.s32 pat, pat, pnext; min.s32 pat, pat, plast; @pp st.global.b32 [pa], pat;
        popc.b32 pset, pset; add.s32 pnext, pnext, pset; add.s64 pa, pa, %2; setp.eq.s32 pp, pv2, %0; vote.sync.ballot.b32 pset, pp, 0xffffffff;
        and.b32 pat, pset, pmask; popc.b32 pat, pat; add.s32 pat, pat, pnext; min.s32 pat, pat, plast; @pp st.global.b32 [pa], pat; popc.b32 pset, pset; add.s32 pnext, pnext, pset;
        add.s64 pa, pa, %2; setp.eq.s32 pp, pv3, %0; vote.sync.ballot.b32 pset, pp, 0xffffffff; and.b32 pat, pset, pmask; popc.b32 pat, pat;
        add.s32 pat, pat, pnext; min.s32 pat, pat, plast; @pp st.global.b32 [pa], pat; popc.b32 pset, pset; add.s32 pnext, pnext, pset; add.s64 pa, pa, %2; setp.eq.s32 pp, pv4, %0;
        vote.sync.ballot.b32 pset, pp, 0xffffffff; and.b32 pat, pset, pmask; popc.b32 pat, pat; add.s32 pat, pat, pnext; min.s32 pat, pat, plast; @pp st.global.b32 [pa], pat;
        popc.b32 pset, pset; add.s32 pnext, pnext, pset; add.s64 pa, pa, %2; setp.eq.s32 pp, pv5, %0; vote.sync.ballot.b32 pset, pp, 0xffffffff;
        and.b32 pat, pset, pmask; popc.b32 pat, pat; add.s32 pat, pat, pnext; min.s32 pat, pat, plast; @pp st.global.b32 [pa], pat; popc.b32 pset, pset; add.s32 pnext, pnext, pset;
        add.s64 pa, pa, %2; setp.eq.s32 pp, pv6, %0; vote.sync.ballot.b32 pset, pp, 0xffffffff; and.b32 pat, pset, pmask; popc.b32 pat, pat;
        add.s32 pat, pat, pnext; min.s32 pat, pat, plast; @pp st.global.b32 [pa], pat; popc.b32 pset, pset; add.s32 pnext, pnext, pset; add.s64 pa, pa, %2; setp.eq.s32 pp, pv7, %0;
        vote.sync.ballot.b32 pset, pp, 0xffffffff; and.b32 pat, pset, pmask; popc.b32 pat, pat; add.s32 pat, pat, pnext; min.s32 pat, pat, plast; @pp st.global.b32 [pa], pat;
        popc.b32 pset, pset; add.s32 pnext, pnext, pset;
        """;
}
