// The live page: reads the server's events and gives each to the parts of the page.

import { byId } from './parts/dom.js';
import { showFigures } from './parts/figures.js';
import { showRanks } from './parts/ranks.js';
import { showExperts } from './parts/heatmap.js';
import { showCharts } from './parts/charts.js';
import { freezeOperation, showHistory, showOperation } from './parts/operations.js';
import { setConnected, showScale } from './parts/scale.js';

const silence = 8000; // ms; a message comes each second, so a stream this quiet is dead though its connection may look alive
const retry = 2000; // ms

const parts = [showFigures, showScale, showOperation, showRanks, showCharts, showExperts, showHistory];
let lastHeard = performance.now();

function show(data) {
  for (const part of parts) {
    try {
      part(data);
    } catch (error) {
      console.error(error); // one part that fails leaves the others alive
    }
  }
}

function receive(event) {
  let data;
  try {
    data = JSON.parse(event.data);
  } catch {
    return;
  }

  lastHeard = performance.now();
  if (data === null || typeof data !== 'object') return;
  setLive(true);
  show(data);
}

function setLive(isLive) {
  byId('banner').hidden = isLive;
  document.body.classList.toggle('stale', !isLive);
  setConnected(isLive);
  if (!isLive) freezeOperation();
}

let source;

function connect() {
  source?.close();
  lastHeard = performance.now();
  source = new EventSource('elastic/events');
  source.onmessage = receive;
  source.onerror = () => setLive(false);
}

// EventSource comes back by itself after a broken connection, but gives up after an answer such as 503, and never notices silence
setInterval(() => {
  const quiet = performance.now() - lastHeard;
  const hasGivenUp = source.readyState === EventSource.CLOSED;
  if (quiet > silence) setLive(false);
  if (quiet > silence || hasGivenUp) connect();
}, retry);

connect();
