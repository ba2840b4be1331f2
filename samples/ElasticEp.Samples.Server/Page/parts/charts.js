// Tokens per second and inter-token latency over the last five minutes, with marks where the group was resized.

import { byId, list, number, records } from './dom.js';
import { Chart } from './chart.js';

const span = 300; // seconds

const throughput = new Chart(byId('throughput-chart'), 'Tokens per second', [{ name: 'tokens/s', field: 'tokens', className: 'line-1', filled: true }]);
const latency = new Chart(byId('latency-chart'), 'Inter-token latency in milliseconds', [
  { name: 'mean', field: 'mean', className: 'line-1' },
  { name: 'p99', field: 'p99', className: 'line-2' },
]);

let samples = [];

export function showCharts(data) {
  const now = number(data.time) ?? Date.now() / 1000;
  samples = samples.filter(sample => sample.time < now && sample.time >= now - span - 5); // what lies ahead is from before the clock was set back
  samples.push({ time: now, tokens: number(data.tokens_per_second), mean: number(data.itl_ms?.mean), p99: number(data.itl_ms?.p99) });
  const marks = resizes(data, now);
  throughput.show(samples, marks, now, span);
  latency.show(samples, marks, now, span);
}

function resizes(data, now) {
  const marks = records(data.operations)
    .filter(operation => number(operation.started) !== null)
    .map(operation => ({
      from: operation.started,
      to: operation.started + (number(operation.total_ms) ?? 0) / 1000,
      kind: operation.outcome === 'Aborted' ? 'aborted' : 'completed',
      label: operation.outcome === 'Aborted' ? '✕' : `→ ${list(operation.ranks).length || '?'}`,
    }))
    .reverse();
  const elapsed = number(data.operation?.elapsed_ms);
  const target = parseInt(data.operation?.target);
  if (elapsed !== null) marks.push({ from: now - elapsed / 1000, to: now, kind: 'running', label: Number.isNaN(target) ? '…' : `→ ${target}` });
  return marks.filter(mark => mark.to >= now - span && mark.from <= now);
}
