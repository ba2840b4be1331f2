// The buttons that change the group's size.

import { byId, members, number, setText } from './dom.js';
import { request } from './key.js';

const down = byId('scale-down');
const up = byId('scale-up');
const set = byId('scale-set');
const field = byId('scale-size');
const message = byId('scale-message');

let ranks = 0;
let most = null;
let isBusy = true; // an operation runs, or nothing is known yet
let isAsking = false;
let isConnected = false;
let isEdited = false; // the number in the field is the user's
let refocus = null; // a disabled button loses the focus; it gets it back

export function showScale(data) {
  ranks = members(data.ranks).length;
  most = number(data.max_ranks);
  isBusy = ranks === 0 || (data.operation !== null && data.operation !== undefined);
  field.max = most ?? '';
  if (!isEdited && document.activeElement !== field) field.value = ranks || '';
  update();
}

export function setConnected(connected) {
  isConnected = connected;
  update();
}

function update() {
  const isBlocked = isBusy || isAsking || !isConnected;
  const focused = document.activeElement;
  down.disabled = isBlocked || ranks <= 1;
  up.disabled = isBlocked || (most !== null && ranks >= most);
  set.disabled = isBlocked;
  if (focused?.disabled) {
    refocus = focused;
  } else if (refocus && !refocus.disabled) {
    if (document.activeElement === document.body) refocus.focus();
    refocus = null;
  }
}

async function ask(size) {
  if (isBusy || isAsking || !isConnected) return;
  isAsking = true;
  isEdited = false;
  update();
  const wanted = `${size} ${size === 1 ? 'rank' : 'ranks'}`;
  say(`Asked for ${wanted}.`);
  try {
    const response = await request('scale_elastic_ep', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ new_data_parallel_size: size }),
    });
    const answer = await response.json().catch(() => null);
    if (response.ok) say(text(answer?.message) ?? `Scaled to ${wanted}.`);
    else say(text(answer?.error?.message) ?? `The server refused with status ${response.status}.`, true);
  } catch {
    say('The server could not be reached; nothing is known about the request.', true);
  } finally {
    isAsking = false;
    update();
  }
}

const text = value => typeof value === 'string' && value ? value : null;

function say(words, isError = false) {
  setText(message, words);
  message.classList.toggle('error', isError);
}

down.addEventListener('click', () => ask(ranks - 1));
up.addEventListener('click', () => ask(ranks + 1));
field.addEventListener('input', () => isEdited = true);
byId('scale-form').addEventListener('submit', event => {
  event.preventDefault();
  const size = field.valueAsNumber;
  if (Number.isInteger(size)) ask(size); // the server says in words what sizes it takes
  else say('Give a whole number of ranks.', true);
});
