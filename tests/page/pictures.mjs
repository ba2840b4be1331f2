// Takes the pictures of the live page that the documents show: npm run pictures. Makes them smaller where pngquant is installed.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { FakeServer } from './fake-server.mjs';
import { finished, running, start, state } from './states.mjs';

const folder = new URL('../../docs/images/', import.meta.url);
const desktop = { width: 1280, height: 900 };
const pictures = [
  { name: 'live-page', look: { viewport: desktop }, group: { ranks: 6, joiners: 2, operation: running }, fullPage: true },
  { name: 'live-page-dark', look: { viewport: desktop, colorScheme: 'dark' }, group: {}, fullPage: true },
  { name: 'live-page-narrow', look: { viewport: { width: 380, height: 1300 } }, group: { operation: { ...running, target: '6 ranks' } }, fullPage: false },
];

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  for (const { name, look, group, fullPage } of pictures) {
    const server = await FakeServer.start();
    const page = await browser.newPage({ timezoneId: 'UTC', ...look });
    await page.goto(server.url);
    await server.connected();
    const seconds = 240;
    for (let second = 0; second <= seconds; second++)
      server.send(state({ second, epoch: 7 + second, ...group, operations: finished.filter(operation => operation.started + operation.total_ms / 1000 <= start + second) }));
    await page.waitForFunction(last => document.querySelector('#figures').textContent.includes(`Epoch${last}`), 7 + seconds);
    server.send(state({ second: seconds, ...group, operations: finished }));
    await page.waitForFunction(() => document.querySelector('#figures').textContent.includes('Epoch7T'));
    const path = fileURLToPath(new URL(`${name}.png`, folder));
    await page.screenshot({ path, fullPage });
    spawnSync('pngquant', ['--force', '--strip', '--quality', '80-100', '--output', path, path]);
    await page.close();
    await server.stop();
  }
} finally {
  await browser.close();
}
