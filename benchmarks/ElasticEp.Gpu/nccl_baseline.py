"""Two NCCL all_to_all_single between two processes, each with two GPUs' bytes: config, eager and captured microseconds for the pair.

Usage: nccl_baseline.py name:dispatchBytes:returnBytes,...   bytes are those that go to the other rank, the same both ways
"""
import os
import sys

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

REPEATS, WARM = 60, 15


def median(times):
    return sorted(times)[len(times) // 2]


def timed(launch):
    marks = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(REPEATS)]
    for _ in range(WARM):
        launch()
    torch.cuda.synchronize()
    for begin, end in marks:
        dist.barrier()
        torch.cuda.synchronize()
        begin.record()
        launch()
        end.record()
    torch.cuda.synchronize()
    mine = torch.tensor([begin.elapsed_time(end) * 1e3 for begin, end in marks], device="cuda")
    dist.all_reduce(mine, op=dist.ReduceOp.MAX)  # the slower rank, time by time
    return median(mine.tolist())


def worker(rank, configs):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29517")
    torch.cuda.set_device(rank)
    dist.init_process_group("nccl", rank=rank, world_size=2)
    for name, there, back in configs:
        def buffers(size):
            splits = [0, size // 2] if rank == 0 else [size // 2, 0]
            return torch.randn(size // 2, device="cuda").bfloat16(), torch.empty(size // 2, device="cuda", dtype=torch.bfloat16), splits

        pairs = [buffers(there), buffers(back)]

        def run():
            for source, target, splits in pairs:
                dist.all_to_all_single(target, source, splits, splits)

        eager = timed(run)
        try:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                run()
            captured = timed(graph.replay)
        except Exception as error:  # figures of eager calls are what the bound is about
            captured = float("nan")
            if rank == 0:
                print(f"captured NCCL failed: {error}", flush=True)
        if rank == 0:
            print(f"NCCL\t{name}\t{eager:.2f}\t{captured:.2f}", flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    parsed = [(name, int(there), int(back)) for name, there, back in (part.split(":") for part in sys.argv[1].split(","))]
    print(f"torch {torch.__version__}, NCCL {torch.cuda.nccl.version()}", flush=True)
    mp.spawn(worker, args=(parsed,), nprocs=2)
