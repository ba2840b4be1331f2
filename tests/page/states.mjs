// Events as the server sends them, the same at each run.

export const start = 1_760_000_000; // unix seconds of the first event

/** A group of `ranks` at its `second`th event. */
export function state({ second = 0, ranks = 4, layers = 4, experts = 32, slots = null, joiners = 0, operation = null, operations = [], ...rest } = {}) {
  const holders = ranks - joiners;
  const slotCount = slots ?? Math.ceil(experts / holders) + 1; // one spare slot for a copy of a hot expert
  const load = Array.from({ length: layers }, (_, layer) => Array.from({ length: experts }, (_, expert) => tokens(layer, expert, experts)));
  return {
    time: start + second, model: 'tiny-qwen3-moe', epoch: 7, coordinator: 0, max_ranks: 8, standbys: 1, standby_ranks: [{ rank: 6, process_id: 4706, detail: 'dense weights held, 48 of 48 experts' }],
    ranks: Array.from({ length: ranks }, (_, rank) => rank >= holders ? joiner(rank) : {
      rank, process_id: 4100 + 13 * rank, address: `127.0.0.1:${41700 + rank};unix=5b91b682a429450f/@elasticep-${rank}`, state: 'serving', running: 8, waiting: rank % 2,
      steps: 1200 + 24 * second, tokens_per_second: 310 + 9 * rank, step_ms: 24.6 + rank, compute_ms: 15.1 + rank, exchange_ms: 5.2, wait_ms: 4.3,
      kv_usage: 0.18 + 0.07 * rank,
      slots: Array.from({ length: layers }, (_, layer) => slotsOf(layer, rank, holders, experts, slotCount)),
      load: load.map(row => Math.round(row.reduce((sum, value) => sum + value, 0) / holders * (0.9 + 0.07 * rank))),
    }),
    experts: { layers, experts, load },
    tokens_per_second: 1180 + 160 * Math.sin(second / 9) + 40 * Math.sin(second * 2.3),
    itl_ms: { mean: 25.5 + 2 * Math.sin(second / 14), p99: 34 + 5 * Math.sin(second / 5) + (second % 61 === 0 ? 22 : 0) },
    running: 32, queued: 2, balancedness: 0.914, operation, operations, ...rest,
  };
}

// A rank that is no member yet: nothing is known of it.
const joiner = rank => ({ rank, incarnation: 0, address: '', state: 'joining', process_id: null, running: null, waiting: null, steps: null, kv_usage: null, slots: [], load: [] });

const tokens = (layer, expert, experts) => {
  const hot = expert === (7 * layer + 3) % experts ? 5 : 1;
  return Math.round(hot * 400 * (0.25 + ((expert * 37 + layer * 101) % 97) / 60));
};

/** Each rank holds a run of experts; the rank after the hot expert's holds a copy of it in its spare slot, the others' stay empty. */
function slotsOf(layer, rank, ranks, experts, count) {
  const each = Math.ceil(experts / ranks);
  const hot = (7 * layer + 3) % experts;
  const hasCopy = ranks > 1 && rank === (Math.floor(hot / each) + 1) % ranks;
  const own = Array.from({ length: each }, (_, slot) => rank * each + slot < experts ? rank * each + slot : -1);
  return [...own, ...Array.from({ length: Math.max(0, count - each) }, (_, spare) => hasCopy && spare === 0 ? hot : -1)].slice(0, count);
}

export const running = {
  operation_id: 'c2a7', phase: 'Preparing', detail: 'Rank 4 has 18 of 32 experts, rank 5 has 14 of 32.',
  bytes_moved: 184_500_000, bytes_total: 402_653_184, elapsed_ms: 1730, target: '6 ranks',
};

export const finished = [
  { operation_id: 'b3', outcome: 'Completed', reason: null, ranks: [0, 1, 2, 3], launch_ms: 612, transfer_ms: 1480, drain_ms: 0, switch_ms: 9.4, pause_ms: 21.7, bytes_moved: 402_653_184, bytes_lower_bound: 402_653_184, started: start + 150, total_ms: 2110 },
  { operation_id: 'b2', outcome: 'Aborted', reason: 'Rank 3 did not answer within 10 s while weights were moving; the group serves on as before.', ranks: [0, 1], launch_ms: 598, transfer_ms: 10_021, drain_ms: 0, switch_ms: null, pause_ms: 0, bytes_moved: 77_594_624, bytes_lower_bound: 402_653_184, started: start + 95, total_ms: 10_650 },
  { operation_id: 'b1', outcome: 'Completed', reason: null, ranks: [0, 1], launch_ms: 0, transfer_ms: 930, drain_ms: 3200, switch_ms: 8.1, pause_ms: 19.2, bytes_moved: 211_812_352, bytes_lower_bound: 201_326_592, started: start + 40, total_ms: 4150 },
];
