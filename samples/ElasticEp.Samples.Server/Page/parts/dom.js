// Small functions that every part of the page uses: reading fields that may be missing, writing text, words for figures.

export const byId = id => document.getElementById(id);

/** The value as a finite number, or null. */
export const number = value => typeof value === 'number' && Number.isFinite(value) ? value : null;

/** The value as an array; what is missing is empty. */
export const list = value => Array.isArray(value) ? value : [];

/** The objects among a list's items. */
export const records = value => list(value).filter(item => item !== null && typeof item === 'object' && !Array.isArray(item));

/** The ranks that belong to the group already. */
export const members = ranks => records(ranks).filter(rank => rank.state !== 'joining');

/** A new element with a class and children. Text never becomes markup. */
export function element(tag, className, ...children) {
  const created = document.createElement(tag);
  if (className) created.className = className;
  created.append(...children);
  return created;
}

/** Writes only what changed, so that selections and screen readers are left in peace. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

export function setAttribute(target, name, value) {
  if (value === null) target.removeAttribute(name);
  else if (target.getAttribute(name) !== String(value)) target.setAttribute(name, value);
}

export const missing = '–';

/** A number with about three digits: 1,234, 56.7, 0.123. */
export function figure(value, unit = '') {
  const given = number(value);
  if (given === null) return missing;
  const size = Math.abs(given);
  const digits = size >= 100 || given === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  const text = given.toLocaleString('en', { minimumFractionDigits: Number.isInteger(given) ? 0 : digits, maximumFractionDigits: digits });
  return unit ? `${text} ${unit}` : text;
}

export function duration(milliseconds) {
  const given = number(milliseconds);
  if (given === null) return missing;
  if (given < 1000) return figure(given, 'ms');
  if (given < 60_000) return figure(given / 1000, 's');
  return `${Math.floor(given / 60_000)} min ${Math.round(given % 60_000 / 1000)} s`;
}

export function bytes(value) {
  let given = number(value);
  if (given === null) return missing;
  let unit = 0;
  while (given >= 1000 && unit < 4) {
    given /= 1000;
    unit++;
  }
  return figure(given, ['B', 'kB', 'MB', 'GB', 'TB'][unit]);
}

export function percent(share) {
  const given = number(share);
  return given === null ? missing : `${Math.round(given * 100)} %`;
}

export function clockTime(unixSeconds) {
  const given = number(unixSeconds);
  return given === null ? missing : new Date(given * 1000).toLocaleTimeString([], { hour12: false });
}

/** A colour of page.css as it is now, light or dark. */
export const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Calls back when the colours or the width of an element have changed. */
export function onLookChanged(target, redraw) {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
  new ResizeObserver(redraw).observe(target);
}
