// The live page in a real browser, served and fed by the real server with its worker processes.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { Server, skip as noServer } from '../openai/server.mjs';

const browserPath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const skip = existsSync(browserPath) ? noServer : `there is no browser at ${browserPath}; install Debian's package chromium, or name one in CHROMIUM`;

describe('the live page of the real server', { skip, timeout: 120_000 }, () => {
  let browser;
  let server;

  before(async () => {
    server = await Server.start('--ranks', '2', '--max-ranks', '4');
    browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] });
  });
  after(async () => {
    await browser?.close();
    assert.equal(await server?.stop(), 0);
  });

  test('shows what goes on, and grows and shrinks the group by its buttons', async () => {
    const problems = [];
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.setDefaultTimeout(60_000);
    page.on('console', message => ['error', 'warning'].includes(message.type()) && problems.push(message.text()));
    page.on('pageerror', error => problems.push(String(error)));
    const shows = (selector, words) => page.waitForFunction(([wanted, text]) => document.querySelector(wanted)?.textContent.includes(text), [selector, words])
      .catch(async error => {
        const texts = await page.$$eval('#figures, #scale-message, #history', all => all.map(each => each.textContent.replace(/\s+/g, ' ')));
        throw new Error(`${selector} never showed ${words}: ${texts.join(' | ')} | ${JSON.stringify(await server.get('/elastic/view'))}`, { cause: error });
      });

    await page.goto(server.url);
    await shows('#figures', 'Ranks2 of 4');
    assert.deepEqual(await page.$$eval('#ranks .card .state', all => all.map(each => each.textContent)), ['serving', 'serving']);
    assert.equal(await page.textContent('#experts-size'), '32 in each of 4 layers');

    const load = new AbortController(); // streams that go on all the time
    const streams = Array.from({ length: 4 }, () => fetch(`${server.url}/v1/completions`, {
      method: 'POST', signal: load.signal, headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ prompt: 'import os', max_tokens: 1900, ignore_eos: true, stream: true }),
    }));
    await Promise.all(streams);
    await shows('#figures', 'Running4');
    await page.waitForFunction(() => /process \d+ · 127\.0\.0\.1:\d+/.test(document.querySelector('[data-rank="1"] .place').textContent));

    await page.click('#scale-up');
    await page.waitForSelector('.card[data-rank="2"][data-state="joining"]');
    await shows('#scale-message', 'Scaled to 3 ranks.');
    await shows('#figures', 'Ranks3 of 4');
    await page.waitForSelector('.card[data-rank="2"][data-state="serving"]');
    assert.match(await page.textContent('#history tbody tr'), /Completed.*0 1 2/);

    await page.fill('#scale-size', '1');
    await page.press('#scale-size', 'Enter');
    await shows('#figures', 'Ranks1 of 4');
    await page.waitForFunction(() => document.querySelectorAll('#history tbody tr').length === 2);
    await page.waitForFunction(() => document.querySelector('#throughput-chart .line').getAttribute('d').includes('L'));
    if (process.env.PICTURE) await page.screenshot({ path: process.env.PICTURE, fullPage: true });
    load.abort();
    await Promise.allSettled(streams);
    await page.close();
    assert.deepEqual(problems, []);
  });

  test('asks for the key of a server that has one', async () => {
    const key = 'a-key-of-this-test';
    const guarded = await Server.start('--ranks', '1', '--api-key', `another;${key}`);
    try {
      const page = await browser.newPage();
      page.setDefaultTimeout(60_000);
      await page.goto(guarded.url);
      await page.waitForSelector('#key-dialog[open]');
      await page.fill('#key-field', key);
      await page.press('#key-field', 'Enter');
      await page.waitForFunction(() => document.querySelector('#figures').textContent.includes('Ranks1 of 8'));
      await page.fill('#scale-size', '2');
      await page.press('#scale-size', 'Enter');
      await page.waitForFunction(() => document.querySelector('#scale-message').textContent === 'Scaled to 2 ranks.');
      await page.close();
    } finally {
      assert.equal(await guarded.stop(), 0);
    }
  });
});
