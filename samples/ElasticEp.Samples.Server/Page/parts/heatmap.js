// The load of each expert, relative to its layer's mean: a row for each layer, a column for each slot of each rank.
// A canvas, for 58 layers of 256 experts are 15,000 cells.

import { byId, colour, figure, list, number, onLookChanged, records, setText } from './dom.js';
import { Layout } from './heatmap-layout.js';

const shades = 64;
const foldsShown = 2; // colours reach from a quarter of the mean to four times the mean
const canvas = byId('heatmap');
const scroll = byId('heat-scroll');
const tip = byId('heat-tip');
const pen = canvas.getContext('2d');

let data = {};
let layout = new Layout([], 0, 0);
let loads = []; // [layer][expert]
let means = []; // [layer]
let holders = []; // [layer]: Map from expert to its ranks
let cursor = null; // the cell that the tip tells about
let isByKeyboard = false;

export function showExperts(next) {
  data = next;
  draw();
}

function read() {
  const ranks = records(data.ranks).filter(rank => number(rank.rank) !== null && list(rank.slots).length > 0).sort((a, b) => a.rank - b.rank);
  const experts = data.experts !== null && typeof data.experts === 'object' ? data.experts : {};
  loads = list(experts.load).map(list);
  const layers = Math.max(number(experts.layers) ?? 0, loads.length, ...ranks.map(rank => list(rank.slots).length), 0);
  const count = Math.max(number(experts.experts) ?? 0, ...loads.map(row => row.length), 0);
  means = loads.map(row => row.length ? row.reduce((sum, tokens) => sum + (number(tokens) ?? 0), 0) / row.length : 0);
  holders = Array.from({ length: layers }, (_, layer) => {
    const found = new Map();
    for (const rank of ranks) {
      for (const expert of list(rank.slots[layer])) {
        if (number(expert) === null || expert < 0) continue;
        if (!found.has(expert)) found.set(expert, []);
        found.get(expert).push(rank.rank);
      }
    }
    return found;
  });
  layout = new Layout(ranks, layers, scroll.clientWidth);
  setText(byId('experts-size'), count > 0 ? `${count} in each of ${layers} ${layers === 1 ? 'layer' : 'layers'}` : '');
  setText(byId('heat-summary'), summary());
}

function summary() {
  let hottest = null;
  loads.forEach((row, layer) => row.forEach((tokens, expert) => {
    const ratio = means[layer] > 0 ? tokens / means[layer] : 0;
    if (ratio > (hottest?.ratio ?? 0)) hottest = { layer, expert, ratio };
  }));
  return hottest
    ? `Hottest: layer ${hottest.layer}, expert ${hottest.expert}, ${hottest.ratio.toFixed(1)}× its layer's mean.`
    : 'No load in the last window.';
}

function draw() {
  read();
  const pixels = devicePixelRatio || 1;
  const [width, height] = [Math.round(layout.width * pixels), Math.round(layout.height * pixels)];
  if (canvas.width !== width || canvas.height !== height) {
    [canvas.width, canvas.height] = [width, height];
    [canvas.style.width, canvas.style.height] = [`${layout.width}px`, `${layout.height}px`];
  }

  pen.setTransform(pixels, 0, 0, pixels, 0, 0);
  pen.clearRect(0, 0, layout.width, layout.height);
  const look = { scale: colours(), ink: colour('--muted'), line: colour('--line'), none: colour('--heat-mid') };
  drawLabels(look);
  for (let layer = 0; layer < layout.layers; layer++)
    for (const cell of layout.row(layer)) drawCell(cell, look);
  if (cursor && !layout.has(cursor)) cursor = null;
  showTip();
}

function drawLabels(look) {
  pen.font = '12px system-ui, sans-serif';
  pen.fillStyle = look.ink;
  pen.textBaseline = 'middle';
  pen.textAlign = 'right';
  for (let layer = 0; layer < layout.layers; layer += layout.labelEvery)
    pen.fillText(layer, layout.left - 7, layout.top + (layer + 0.5) * layout.cellHeight);
  pen.textAlign = 'left';
  for (const group of layout.groups) {
    const name = `Rank ${group.rank}`;
    pen.fillStyle = look.ink;
    if (pen.measureText(name).width <= group.width) pen.fillText(name, group.x, 8);
    else if (group.width >= 8) pen.fillText(group.rank, group.x, 8);
    pen.fillStyle = colour(`--${group.state}`) || look.line;
    pen.fillRect(group.x, 17, Math.max(1, group.width - 1), 3);
  }
}

function drawCell({ expert, layer, x, y, width, height }, look) {
  if (expert < 0) {
    pen.strokeStyle = look.line;
    if (width >= 6) pen.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
    return;
  }

  const ratio = ratioOf(layer, expert);
  const shade = ratio === null ? look.none : look.scale[shadeOf(ratio)];
  pen.fillStyle = shade;
  pen.fillRect(x, y, width, height);
  if (width < 20 || height < 14) return;
  pen.fillStyle = isDark(shade) ? '#fff' : '#10161f';
  pen.textAlign = 'center';
  pen.font = '11px system-ui, sans-serif';
  pen.fillText(expert, x + width / 2, y + height / 2 + 0.5);
  if ((holders[layer].get(expert)?.length ?? 0) > 1) {
    pen.beginPath();
    pen.arc(x + width - 5, y + 5, 2, 0, 2 * Math.PI);
    pen.fill();
  }
}

function ratioOf(layer, expert) {
  const tokens = number(loads[layer]?.[expert]);
  return tokens === null || !(means[layer] > 0) ? null : tokens / means[layer];
}

function shadeOf(ratio) {
  const folds = Math.max(-foldsShown, Math.min(foldsShown, Math.log2(Math.max(ratio, 1e-9))));
  return Math.round((folds + foldsShown) / (2 * foldsShown) * (shades - 1));
}

function colours() {
  const [cold, middle, hot] = ['--heat-cold', '--heat-mid', '--heat-hot'].map(name => channels(colour(name)));
  return Array.from({ length: shades }, (_, i) => {
    const place = 2 * i / (shades - 1) - 1; // -1 cold, 0 the mean, 1 hot
    const end = place < 0 ? cold : hot;
    return `rgb(${middle.map((channel, c) => Math.round(channel + (end[c] - channel) * Math.abs(place))).join(' ')})`;
  });
}

const channels = hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));

function isDark(shade) {
  const [red, green, blue] = shade.startsWith('#') ? channels(shade) : shade.match(/\d+/g).map(Number);
  return 0.299 * red + 0.587 * green + 0.114 * blue < 140;
}

function showTip() {
  const cell = cursor && layout.cell(cursor);
  tip.hidden = !cell;
  if (!cell) return;
  setText(tip, describe(cell));
  if (isByKeyboard) {
    pen.strokeStyle = colour('--text');
    pen.lineWidth = 2;
    pen.strokeRect(cell.x - 1, cell.y - 1, cell.width + 2, cell.height + 2);
    pen.lineWidth = 1;
    setText(byId('heat-said'), tip.textContent);
  }

  const right = scroll.offsetLeft + scroll.clientWidth - tip.offsetWidth;
  const x = scroll.offsetLeft + cell.x - scroll.scrollLeft + cell.width / 2 - tip.offsetWidth / 2;
  tip.style.left = `${Math.max(scroll.offsetLeft, Math.min(right, x))}px`;
  tip.style.top = `${scroll.offsetTop + cell.y - tip.offsetHeight - 6}px`;
}

function describe({ layer, slot, rank, expert }) {
  if (expert < 0) return `Layer ${layer}, rank ${rank}\nSlot ${slot} is empty`;
  const ranks = holders[layer].get(expert) ?? [rank];
  const places = [...new Set(ranks)];
  const copies = `${ranks.length > 1 ? `${ranks.length} copies, ` : ''}${places.length > 1 ? 'ranks' : 'rank'} ${places.join(', ')}`;
  const tokens = number(loads[layer]?.[expert]);
  const ratio = ratioOf(layer, expert);
  const load = tokens === null ? 'Load not known' : `${figure(tokens)} ${tokens === 1 ? 'token' : 'tokens'}${ratio === null ? '' : `, ${ratio.toFixed(2)}× the mean`}`;
  return `Layer ${layer}, expert ${expert}\n${copies}\n${load}`;
}

function point(next, byKeyboard) {
  const wasByKeyboard = isByKeyboard;
  [cursor, isByKeyboard] = [next, byKeyboard];
  if (byKeyboard || wasByKeyboard) draw();
  else showTip();
}

for (const kind of ['pointermove', 'pointerdown'])
  canvas.addEventListener(kind, event => point(layout.at(event.offsetX, event.offsetY), false));
canvas.addEventListener('pointerleave', event => event.pointerType === 'mouse' && point(null, false));
canvas.addEventListener('blur', () => point(null, false));
canvas.addEventListener('keydown', event => {
  if (event.key === 'Escape') return point(null, false);
  const next = layout.move(cursor, event.key);
  if (!next) return;
  event.preventDefault();
  point(next, true);
  const cell = layout.cell(next);
  if (cell.x < scroll.scrollLeft || cell.x + cell.width > scroll.scrollLeft + scroll.clientWidth) scroll.scrollLeft = cell.x - scroll.clientWidth / 2;
});

onLookChanged(scroll, draw);
