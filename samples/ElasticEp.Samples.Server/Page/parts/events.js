// Reads server-sent events by fetch, which can send a key, as EventSource cannot.

import { anotherKey, presentKey, send } from './key.js';

/**
 * Gives the data of each event to a function. Returns when the server wanted a key and there is another one now; throws when the stream has
 * ended, was refused, or was silent for so many milliseconds.
 */
export async function readEvents(url, silence, onData) {
  const stop = new AbortController();
  let timer;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => stop.abort(), silence);
  };
  try {
    heard();
    const key = presentKey();
    const response = await send(url, { headers: { accept: 'text/event-stream' }, cache: 'no-store', signal: stop.signal });
    if (response.status === 401) {
      clearTimeout(timer);
      return await anotherKey(key);
    }

    if (!response.ok) throw new Error(`the events were refused with status ${response.status}`);
    const parts = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const take = eventTaker(onData);
    while (true) {
      const { done, value } = await parts.read();
      if (done) throw new Error('the events have ended');
      heard();
      take(value);
    }
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}

/** Takes a stream's text in any pieces and gives the data of each event: lines are fields, an empty one ends an event, comments begin with a colon. */
export function eventTaker(onData) {
  let rest = '';
  let data = [];
  return text => {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop();
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) onData(data.join('\n'));
        data = [];
      } else if (line.startsWith('data:')) {
        data.push(line.slice(line[5] === ' ' ? 6 : 5));
      }
    }
  };
}
