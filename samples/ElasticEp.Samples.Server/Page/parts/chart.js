// A line chart in SVG.

import { clockTime, element, figure, missing, onLookChanged } from './dom.js';

const height = 190;
const margin = { left: 44, right: 12, top: 20, bottom: 22 };
const longestGap = 5; // seconds; where more is missing the line is broken

function shape(name, attributes, text) {
  const created = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, value);
  if (text !== undefined) created.textContent = text;
  return created;
}

export class Chart {
  #home;
  #title;
  #series;
  #svg = shape('svg', { role: 'img', height });
  #tip = element('div', 'tip');
  #data = null;
  #pointer = null; // x of the mouse

  /** series: name, field of a sample, className, and whether the area under the line is filled. */
  constructor(home, title, series) {
    [this.#home, this.#title, this.#series] = [home, title, series];
    this.#tip.hidden = true;
    home.append(this.#svg, this.#tip);
    home.addEventListener('pointermove', event => this.#point(event.clientX - home.getBoundingClientRect().left));
    home.addEventListener('pointerleave', () => this.#point(null));
    onLookChanged(home, () => this.#draw());
    this.show([], [], Date.now() / 1000, 300);
  }

  /** Times in seconds; marks: from, to, kind, label. */
  show(samples, marks, now, span) {
    this.#data = { samples, marks, now, span };
    this.#draw();
  }

  #point(x) {
    this.#pointer = x;
    this.#draw();
  }

  #draw() {
    const { samples, marks, now, span } = this.#data;
    const width = Math.max(120, this.#home.clientWidth);
    const values = samples.flatMap(sample => this.#series.map(line => sample[line.field])).filter(value => value !== null);
    const top = roundUp(Math.max(0, ...values));
    const frame = {
      width,
      x: time => margin.left + (width - margin.left - margin.right) * Math.max(0, 1 - (now - time) / span),
      y: value => height - margin.bottom - (height - margin.top - margin.bottom) * value / top,
    };
    const parts = [...grid(frame, top, span, now), ...bands(frame, marks)];
    for (const line of this.#series) parts.push(...this.#line(frame, samples, line));
    const near = this.#near(frame, samples);
    if (near) parts.push(shape('line', { class: 'crosshair', x1: frame.x(near.time), x2: frame.x(near.time), y1: margin.top, y2: height - margin.bottom }));
    this.#svg.setAttribute('width', width);
    this.#svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    this.#svg.setAttribute('aria-label', `${this.#title}: ${this.#summary(samples)}`);
    this.#svg.replaceChildren(...parts);
    this.#showTip(frame, near);
  }

  #line(frame, samples, { field, className, filled }) {
    const runs = [];
    let last = null;
    for (const sample of samples) {
      const value = sample[field];
      if (value === null) {
        last = null;
        continue;
      }

      if (last === null || sample.time - last > longestGap) runs.push([]);
      runs.at(-1).push(`${frame.x(sample.time).toFixed(1)} ${frame.y(value).toFixed(1)}`);
      last = sample.time;
    }

    const parts = [];
    const ground = frame.y(0);
    for (const run of filled ? runs : [])
      parts.push(shape('path', { class: 'area', d: `M${run[0].split(' ')[0]} ${ground}L${run.join('L')}V${ground}Z` }));
    parts.push(shape('path', { class: `line ${className}`, d: runs.map(run => `M${run.join('L')}`).join('') }));
    const end = runs.at(-1)?.at(-1)?.split(' ');
    if (end && last !== null) parts.push(shape('circle', { class: `end ${className}`, cx: end[0], cy: end[1], r: 3 }));
    return parts;
  }

  #summary(samples) {
    if (samples.length === 0) return 'no data yet';
    return this.#series.map(({ name, field }) => {
      const values = samples.map(sample => sample[field]).filter(value => value !== null);
      return values.length ? `${name} now ${figure(values.at(-1))}, least ${figure(Math.min(...values))}, most ${figure(Math.max(...values))}` : `${name} not known`;
    }).join('; ');
  }

  #near(frame, samples) {
    if (this.#pointer === null) return null;
    let best = null;
    for (const sample of samples)
      if (best === null || Math.abs(frame.x(sample.time) - this.#pointer) < Math.abs(frame.x(best.time) - this.#pointer)) best = sample;
    return best;
  }

  #showTip(frame, near) {
    this.#tip.hidden = !near;
    if (!near) return;
    this.#tip.textContent = [clockTime(near.time), ...this.#series.map(({ name, field }) => `${name} ${near[field] === null ? missing : figure(near[field])}`)].join('\n');
    const x = frame.x(near.time) + 10;
    this.#tip.style.left = `${x + this.#tip.offsetWidth > frame.width ? x - this.#tip.offsetWidth - 20 : x}px`;
    this.#tip.style.top = `${margin.top}px`;
  }
}

function* grid(frame, top, span, now) {
  for (let i = 0; i <= 4; i++) {
    const y = frame.y(top * i / 4);
    yield shape('line', { class: i ? 'grid' : 'axis', x1: margin.left, x2: frame.width - margin.right, y1: y, y2: y });
    if (i % 2 === 0) yield shape('text', { class: 'label', x: margin.left - 7, y: y + 4, 'text-anchor': 'end' }, brief(top * i / 4));
  }

  for (let back = span; back >= 0; back -= frame.width > 460 || back === 60 ? 60 : 120) {
    const words = back ? `−${back / 60} min` : 'now';
    yield shape('text', { class: 'label', x: frame.x(now - back), y: height - 5, 'text-anchor': back === span ? 'start' : back ? 'middle' : 'end' }, words);
  }
}

function* bands(frame, marks) {
  let free = 0; // labels that would overlap are left out
  for (const { from, to, kind, label } of marks) {
    const x = frame.x(from);
    yield shape('rect', { class: `resize ${kind}`, x, width: Math.max(2, frame.x(to) - x), y: margin.top, height: height - margin.top - margin.bottom });
    const place = Math.min(x, frame.width - margin.right - 22);
    if (place < free) continue;
    yield shape('text', { class: `label resize-label ${kind}`, x: place, y: margin.top - 6 }, label);
    free = place + 28;
  }
}

/** 1, 2, 4 or 8 times a power of ten, so that halves and quarters read well. */
function roundUp(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 8, 10].find(step => step * power >= value * 1.02) * power || 20 * power;
}

function brief(value) {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (value >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`;
  return `${Number(value.toPrecision(3))}`;
}
