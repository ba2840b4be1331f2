// A card for each rank.

import { byId, duration, element, figure, list, number, percent, records, setAttribute, setText } from './dom.js';

const states = new Set(['serving', 'suspected', 'lost', 'joining', 'leaving']);
const stepParts = [['compute', 'compute_ms'], ['exchange', 'exchange_ms'], ['wait', 'wait_ms']];
const cards = new Map(); // by rank

export function showRanks(data) {
  const ranks = records(data.ranks).filter(rank => number(rank.rank) !== null).sort((a, b) => a.rank - b.rank);
  const standbys = number(data.standbys);
  const waiting = records(data.standby_ranks).filter(rank => number(rank.rank) !== null);
  const wanted = Math.max(standbys ?? 0, waiting.length);
  setText(byId('standbys'), wanted ? `${waiting.length} of ${wanted} ${wanted === 1 ? 'standby' : 'standbys'}` : '');
  setAttribute(byId('standbys'), 'title', waiting.map(rank => `Rank ${rank.rank}: ${rank.detail}`).join('\n') || null);
  byId('no-ranks').hidden = ranks.length > 0;

  const present = new Set(ranks.map(rank => rank.rank));
  for (const [rank, card] of cards) {
    if (!present.has(rank)) {
      card.root.remove();
      cards.delete(rank);
    }
  }

  const loads = ranks.map(rank => list(rank.load).reduce((sum, rows) => sum + (number(rows) ?? 0), 0));
  const total = loads.reduce((sum, load) => sum + load, 0);
  ranks.forEach((rank, i) => {
    let card = cards.get(rank.rank);
    if (!card) cards.set(rank.rank, card = createCard(rank.rank));
    const home = byId('ranks');
    if (home.children[i] !== card.root) home.insertBefore(card.root, home.children[i] ?? null);
    fill(card, rank, data.coordinator, total > 0 ? loads[i] / total : null);
  });
}

function createCard(rank) {
  const card = {
    state: element('span', 'state'), role: element('span', 'role', 'coordinator'), place: element('p', 'muted place'),
    queue: element('dd'), speed: element('dd'), share: element('dd'), step: element('dd'),
    stack: element('div', 'bar stack'), parts: stepParts.map(([name]) => element('span', name)), split: element('p', 'muted split'),
    memory: element('dd'), memoryBar: element('div', 'bar', element('span')),
  };
  card.stack.setAttribute('role', 'img');
  card.stack.append(...card.parts);
  card.memoryBar.setAttribute('aria-hidden', 'true');
  card.root = element('li', 'card',
    element('h3', '', `Rank ${rank}`, card.role, card.state), card.place,
    element('dl', '',
      pair('Queue', card.queue), pair('Tokens/s', card.speed), pair('Share of rows', card.share),
      pair('Step', card.step, card.stack, card.split), pair('KV cache', card.memory, card.memoryBar)));
  card.root.dataset.rank = rank;
  return card;
}

function pair(name, value, ...below) {
  return element('div', below.length ? 'across' : '', element('dt', '', name), value, ...below.map(part => element('dd', 'below', part)));
}

function fill(card, rank, coordinator, share) {
  const state = states.has(rank.state) ? rank.state : 'unknown';
  setAttribute(card.root, 'data-state', state);
  setText(card.state, state);
  card.role.hidden = rank.rank !== coordinator;
  const process = number(rank.process_id) === null ? '' : `process ${rank.process_id}`;
  const address = typeof rank.address === 'string' ? rank.address : '';
  setText(card.place, [process, address.split(';')[0]].filter(Boolean).join(' · ') || 'no address yet'); // what follows says how processes of one machine talk
  setAttribute(card.place, 'title', address || null);
  setText(card.queue, number(rank.running) === null && number(rank.waiting) === null ? '–' : `${figure(rank.running)} running, ${figure(rank.waiting)} waiting`);
  setText(card.speed, figure(rank.tokens_per_second));
  setText(card.share, percent(share));
  setText(card.step, duration(rank.step_ms));
  setAttribute(card.step, 'title', number(rank.steps) === null ? null : `${figure(rank.steps)} steps so far`);

  const times = stepParts.map(([, field]) => Math.max(0, number(rank[field]) ?? 0));
  const sum = times.reduce((all, time) => all + time, 0);
  const words = sum > 0 ? `${stepParts.map(([name], i) => `${name} ${times[i].toFixed(1)}`).join(' · ')} ms` : 'no steps in the last window';
  card.parts.forEach((part, i) => part.style.width = sum > 0 ? `${100 * times[i] / sum}%` : '0');
  setAttribute(card.stack, 'aria-label', `Step time: ${words}`);
  setText(card.split, words);

  const used = number(rank.kv_usage);
  setText(card.memory, percent(used));
  card.memoryBar.firstChild.style.width = `${100 * Math.min(1, Math.max(0, used ?? 0))}%`;
  setAttribute(card.memoryBar, 'class', used !== null && used > 0.9 ? 'bar full' : 'bar');
}
