// The API key: asked for when the server wants one, kept until the tab is closed, sent with every request.

import { byId, setText } from './dom.js';

const place = 'elasticep-api-key';
const dialog = byId('key-dialog');
const field = byId('key-field');
const message = byId('key-message');

let key = stored();
let asking = null; // a promise while the dialog is open

/** Sends a request with the key. When the server does not take it the user is asked for another, and the request is sent again. */
export async function request(url, options) {
  while (true) {
    const sent = key;
    const response = await send(url, options);
    if (response.status !== 401) return response;
    await anotherKey(sent);
  }
}

/** Sends a request with the key as it is. */
export function send(url, options = {}) {
  return fetch(url, key === null ? options : { ...options, headers: { ...options.headers, authorization: `Bearer ${key}` } });
}

/** The key that is sent now, or null. */
export const presentKey = () => key;

/** Asks for a key in place of one that the server did not take, if nobody has given another since. Completes when there is one. */
export async function anotherKey(refused) {
  if (key !== refused) return;
  setText(message, refused === null ? '' : 'The server does not take this key.');
  asking ??= new Promise(resolve => {
    field.value = '';
    dialog.showModal();
    byId('key-form').addEventListener('submit', event => {
      event.preventDefault();
      asking = null;
      keep(field.value.trim());
      dialog.close();
      resolve();
    }, { once: true });
  });
  await asking;
}

// without a key the page has nothing to show
dialog.addEventListener('cancel', event => event.preventDefault());
dialog.addEventListener('close', () => asking && !dialog.open && dialog.showModal()); // browsers let it be closed by a second Escape

function keep(given) {
  key = given;
  try {
    sessionStorage.setItem(place, given);
  } catch {
    // the browser keeps nothing; it is asked for again after a reload
  }
}

function stored() {
  try {
    return sessionStorage.getItem(place);
  } catch {
    return null;
  }
}
