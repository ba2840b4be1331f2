// The figures in the header.

import { byId, duration, element, figure, members, number, setText } from './dom.js';

const figures = [
  ['Ranks', data => data.ranks === undefined ? '–' : `${members(data.ranks).length}${number(data.max_ranks) === null ? '' : ` of ${data.max_ranks}`}`],
  ['Epoch', data => figure(data.epoch)],
  ['Tokens/s', data => figure(data.tokens_per_second)],
  ['ITL mean', data => duration(data.itl_ms?.mean)],
  ['ITL p99', data => duration(data.itl_ms?.p99)],
  ['Running', data => figure(data.running)],
  ['Queued', data => figure(data.queued)],
  ['Balancedness', data => figure(data.balancedness)],
];

const cells = figures.map(([name]) => {
  const value = element('dd', '', '–');
  byId('figures').append(element('div', '', element('dt', '', name), value));
  return value;
});

export function showFigures(data) {
  setText(byId('model'), typeof data.model === 'string' ? data.model : '');
  if (typeof data.model === 'string') document.title = `${data.model} · ElasticEp`;
  figures.forEach(([, read], i) => setText(cells[i], read(data)));
}
