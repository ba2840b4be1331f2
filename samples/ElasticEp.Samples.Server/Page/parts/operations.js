// The running operation as a row of stages, and the table of finished ones.

import { byId, bytes, clockTime, duration, element, list, missing, number, records, setAttribute, setText } from './dom.js';

const phases = ['Proposed', 'Preparing', 'Prepared', 'Committed', 'Completed'];
const steps = phases.map(name => element('li', '', element('span', 'dot'), element('span', 'name', name)));
byId('stages').append(...steps);

let clock = null; // what the elapsed time counts from, while an operation runs and the stream is up
let reached = 0; // the last stage seen, to show where an operation was when it aborted
let reachedBy = null;
let shownHistory = '';

export function showOperation(data) {
  const operation = data.operation !== null && typeof data.operation === 'object' ? data.operation : null;
  byId('operation-panel').classList.toggle('running', operation !== null);
  byId('transfer').hidden = operation === null;
  if (operation) showRunning(operation);
  else showIdle(records(data.operations)[0]);
}

function showRunning(operation) {
  const aborted = operation.phase === 'Aborted';
  if (operation.operation_id !== reachedBy) [reachedBy, reached] = [operation.operation_id, 0];
  if (!aborted) reached = Math.max(0, phases.indexOf(operation.phase));
  steps.forEach((step, i) => {
    setAttribute(step, 'class', i < reached || operation.phase === 'Completed' ? 'done' : i === reached ? aborted ? 'aborted' : 'now' : '');
    setAttribute(step, 'aria-current', i === reached ? 'step' : null);
    setText(step.lastChild, i === reached && aborted ? 'Aborted' : phases[i]);
  });
  setText(byId('operation-name'), operation.target ? `to ${operation.target}` : '');
  setText(byId('operation-detail'), typeof operation.detail === 'string' ? operation.detail : '');

  const moved = number(operation.bytes_moved);
  const total = number(operation.bytes_total);
  const share = total > 0 && moved !== null ? Math.min(1, moved / total) : null;
  byId('transfer-bar').firstChild.style.width = `${100 * (share ?? 0)}%`;
  setAttribute(byId('transfer-bar'), 'aria-valuenow', share === null ? null : Math.round(100 * share));
  setText(byId('transfer-text'), share === null ? moved ? `${bytes(moved)} moved` : 'No bytes moved yet' : `${bytes(moved)} of ${bytes(total)} (${Math.round(100 * share)} %)`);
  clock = number(operation.elapsed_ms) === null ? null : { elapsed: operation.elapsed_ms, at: performance.now() };
  tick();
}

function showIdle(last) {
  clock = null;
  for (const [i, step] of steps.entries()) {
    setAttribute(step, 'class', '');
    setAttribute(step, 'aria-current', null);
    setText(step.lastChild, phases[i]);
  }
  setText(byId('operation-name'), 'none running');
  const count = list(last?.ranks).length;
  const target = count ? `${count} ${count === 1 ? 'rank' : 'ranks'}, ` : '';
  setText(byId('operation-detail'), last
    ? `Last: ${String(last.outcome ?? 'unknown').toLowerCase()} at ${clockTime(last.started)}, ${target}${duration(last.total_ms)}, pause ${duration(last.pause_ms)}.`
    : 'Nothing has been resized yet.');
}

/** Stops the elapsed time, for what comes next is not known. */
export function freezeOperation() {
  clock = null;
}

function tick() {
  setText(byId('elapsed'), clock ? `${((clock.elapsed + performance.now() - clock.at) / 1000).toFixed(1)} s` : missing);
}

setInterval(() => clock && tick(), 100);

export function showHistory(data) {
  const finished = records(data.operations);
  byId('history').hidden = finished.length === 0;
  byId('no-history').hidden = finished.length > 0;
  const history = JSON.stringify(finished);
  if (history === shownHistory) return;
  shownHistory = history;
  byId('history').tBodies[0].replaceChildren(...finished.flatMap(rows));
}

function rows(operation) {
  const aborted = operation.outcome === 'Aborted';
  const outcome = element('span', `outcome ${aborted ? 'aborted' : 'completed'}`, String(operation.outcome ?? 'unknown'));
  const bound = number(operation.bytes_lower_bound);
  const moved = number(operation.bytes_moved);
  const ratio = bound > 0 && moved !== null ? ` (${(moved / bound).toFixed(2)}×)` : '';
  const cells = [
    ['Started', clockTime(operation.started)], ['Outcome', outcome], ['Ranks', list(operation.ranks).join(' ') || missing],
    ['Launch', duration(operation.launch_ms)], ['Transfer', duration(operation.transfer_ms)], ['Drain', duration(operation.drain_ms)],
    ['Switch', duration(operation.switch_ms)], ['Pause', duration(operation.pause_ms)],
    ['Moved / least possible', `${bytes(moved)} / ${bytes(bound)}${ratio}`], ['Total', duration(operation.total_ms)],
  ];
  const row = element('tr', operation.reason ? 'explained' : '', ...cells.map(([name, value], i) => {
    const cell = element('td', i > 2 ? 'number' : '', value);
    cell.dataset.name = name;
    return cell;
  }));
  if (!operation.reason) return [row];
  const reason = element('td', 'reason', String(operation.reason));
  reason.colSpan = cells.length;
  return [row, element('tr', 'because', reason)];
}
