// The live page: reads the server's events and gives each to the parts of the page.

import { byId } from './parts/dom.js';
import { readEvents } from './parts/events.js';
import { showFigures } from './parts/figures.js';
import { showRanks } from './parts/ranks.js';
import { showExperts } from './parts/heatmap.js';
import { showCharts } from './parts/charts.js';
import { freezeOperation, showHistory, showOperation } from './parts/operations.js';
import { setConnected, showScale } from './parts/scale.js';

const silence = 8000; // ms; a message comes each second, so a stream this quiet is dead though its connection may look alive
const retry = 2000; // ms

const parts = [showFigures, showScale, showOperation, showRanks, showCharts, showExperts, showHistory];

function show(data) {
  for (const part of parts) {
    try {
      part(data);
    } catch (error) {
      console.error(error); // one part that fails leaves the others alive
    }
  }
}

function receive(text) {
  let data;
  try {
    data = JSON.parse(text);
  } catch {
    return;
  }

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

async function follow() {
  while (true) {
    try {
      await readEvents('elastic/events', silence, receive);
    } catch {
      setLive(false);
      await new Promise(resolve => setTimeout(resolve, retry));
    }
  }
}

follow();
