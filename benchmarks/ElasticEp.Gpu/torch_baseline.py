"""What PyTorch needs for the work of the gather and combine kernels, in CUDA graphs: op, tokens, hidden, microseconds.

Usage: torch_baseline.py 16x2048,128x2048,...
"""
import sys

import torch
import torch._dynamo

TOP_K, REPLAYS = 8, 21
torch._dynamo.config.cache_size_limit = 64
torch.manual_seed(4711)


def sets_for(size):
    """As many sets of buffers as the C# side takes in turn."""
    return max(2, min(32, (256 << 20) // size))


def graph_time(launches, launch):
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for i in range(3):
            launch(i)
    torch.cuda.current_stream().wait_stream(side)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for i in range(launches):
            launch(i)
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(REPLAYS + 1)]
    for _ in range(3):
        graph.replay()
    marks[0].record()
    for mark in marks[1:]:
        graph.replay()
        mark.record()
    torch.cuda.synchronize()
    times = sorted(a.elapsed_time(b) * 1e3 / launches for a, b in zip(marks, marks[1:]))
    del graph
    return times[REPLAYS // 2]


def index_select(source, index, output):
    return torch.index_select(source, 0, index, out=output)


def index_select_into(source, index, output):
    return output.copy_(source.index_select(0, index))


def index_select_pooled(source, index, output):
    """The graph's pool gives every launch the same memory, so the output never leaves the cache."""
    return source.index_select(0, index)


def index_add(rows, weights, tokens, output):
    output.zero_()
    return output.index_add_(0, tokens, rows * weights.view(-1, 1).to(rows.dtype))


def mul_sum(rows, weights, tokens, output):
    return torch.sum(rows.view(output.shape[0], TOP_K, -1) * weights.view(-1, TOP_K, 1).to(rows.dtype), 1, out=output)


def mul_sum_into(rows, weights, tokens, output):
    return output.copy_((rows.view(output.shape[0], TOP_K, -1) * weights.view(-1, TOP_K, 1).to(rows.dtype)).sum(1))


def mul_sum_pooled(rows, weights, tokens, output):
    """As index_select_pooled."""
    return (rows.view(output.shape[0], TOP_K, -1) * weights.view(-1, TOP_K, 1).to(rows.dtype)).sum(1)


def compiled(function):
    torch._dynamo.reset()
    return torch.compile(function, dynamic=False)


def measure(tokens, hidden):
    size = tokens * hidden * 2
    sets = sets_for(2 * size)
    launches = max(sets, 32) // sets * sets
    index = torch.randperm(tokens, device="cuda")
    buffers = [(torch.randn(tokens, hidden, device="cuda").bfloat16(), torch.empty(tokens, hidden, device="cuda", dtype=torch.bfloat16)) for _ in range(sets)]
    for name, function in (("index_select", index_select), ("index_select compiled", compiled(index_select_into)), ("index_select compiled, one output", compiled(index_select_pooled))):
        say(name, tokens, hidden, graph_time(launches, lambda i: function(buffers[i % sets][0], index, buffers[i % sets][1])))
    del buffers

    sets = sets_for(9 * size)
    launches = max(sets, 32) // sets * sets
    weights = torch.rand(tokens * TOP_K, device="cuda")
    owners = torch.arange(tokens, device="cuda").repeat_interleave(TOP_K)
    buffers = [(torch.randn(tokens * TOP_K, hidden, device="cuda", dtype=torch.bfloat16), torch.empty(tokens, hidden, device="cuda", dtype=torch.bfloat16)) for _ in range(sets)]
    for name, function in (("index_add", index_add), ("index_add compiled", compiled(index_add)), ("mul + sum", mul_sum), ("mul + sum compiled", compiled(mul_sum_into)), ("mul + sum compiled, one output", compiled(mul_sum_pooled))):
        say(name, tokens, hidden, graph_time(launches, lambda i: function(buffers[i % sets][0], weights, owners, buffers[i % sets][1])))


def say(name, tokens, hidden, microseconds):
    print(f"{name}\t{tokens}\t{hidden}\t{microseconds:.3f}", flush=True)


if __name__ == "__main__":
    print(f"torch {torch.__version__} on {torch.cuda.get_device_name()}", flush=True)
    with torch.no_grad():
        for part in sys.argv[1].split(","):
            try:
                measure(*(int(n) for n in part.split("x")))
            except Exception as error:  # one size that fails must not hide the others; its checks show as NOT RUN
                print(f"{part}: {type(error).__name__}: {error}", flush=True)
            torch.cuda.empty_cache()
