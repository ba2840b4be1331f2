// Where the cells of the heat map lie. A cursor names a cell by its layer and its column, counted over all ranks.

import { list } from './dom.js';

const leastWidth = 3; // of a cell; what is then too wide scrolls
const mostWidth = 96;

export class Layout {
  /** ranks: with their slots, in order; available: pixels from side to side. */
  constructor(ranks, layers, available) {
    this.layers = layers;
    this.left = 30;
    this.top = 24;
    this.gap = ranks.length > 16 ? 3 : 8; // between two ranks
    const slotCounts = ranks.map(rank => Math.max(0, ...list(rank.slots).map(slots => list(slots).length)));
    this.columns = slotCounts.reduce((sum, count) => sum + count, 0);
    const room = available - this.left - this.gap * Math.max(0, ranks.length - 1);
    this.cellWidth = Math.min(mostWidth, Math.max(leastWidth, this.columns ? room / this.columns : 0));
    this.cellHeight = Math.min(28, Math.max(6, Math.floor(360 / Math.max(1, layers))));
    this.labelEvery = Math.ceil(14 / this.cellHeight);

    let x = this.left;
    let first = 0;
    this.groups = ranks.map((rank, i) => {
      const group = { rank: rank.rank, state: rank.state, slots: list(rank.slots), first, count: slotCounts[i], x, width: slotCounts[i] * this.cellWidth };
      x += group.width + this.gap;
      first += group.count;
      return group;
    });
    this.width = Math.max(available, Math.ceil(x - this.gap));
    this.height = this.top + Math.max(1, layers) * this.cellHeight;
  }

  has({ layer, column }) {
    return layer < this.layers && column < this.columns;
  }

  /** The cells of a layer. Slots that a rank does not have count as empty. */
  *row(layer) {
    for (const group of this.groups)
      for (let slot = 0; slot < group.count; slot++) yield this.#cell(group, layer, slot);
  }

  cell({ layer, column }) {
    const group = this.groups.find(candidate => column < candidate.first + candidate.count);
    return group && layer < this.layers ? this.#cell(group, layer, column - group.first) : null;
  }

  #cell(group, layer, slot) {
    const [seamX, seamY] = [this.cellWidth >= 6 ? 1 : 0, this.cellHeight >= 10 ? 1 : 0];
    const start = Math.round(group.x + slot * this.cellWidth);
    const end = Math.round(group.x + (slot + 1) * this.cellWidth);
    const expert = list(group.slots[layer])[slot];
    return {
      layer, rank: group.rank, slot,
      expert: Number.isInteger(expert) ? expert : -1,
      x: start, y: this.top + layer * this.cellHeight,
      width: end - start - seamX, height: this.cellHeight - seamY,
    };
  }

  /** The cell under a point, or null. */
  at(x, y) {
    const layer = Math.floor((y - this.top) / this.cellHeight);
    const group = this.groups.find(candidate => x >= candidate.x && x < candidate.x + candidate.width);
    if (!group || layer < 0 || layer >= this.layers) return null;
    return { layer, column: group.first + Math.min(group.count - 1, Math.floor((x - group.x) / this.cellWidth)) };
  }

  /** Where a key leads; null for keys that move nothing. */
  move(from, key) {
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -Infinity], End: [0, Infinity] };
    if (!steps[key] || this.columns === 0 || this.layers === 0) return null;
    if (!from) return { layer: 0, column: 0 };
    const keep = (value, count) => Math.max(0, Math.min(count - 1, value));
    return { layer: keep(from.layer + steps[key][0], this.layers), column: keep(from.column + steps[key][1], this.columns) };
  }
}
