// The live page in a real browser, fed by a stand-in for the server.

import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { FakeServer } from './fake-server.mjs';
import { finished, running, start, state } from './states.mjs';

const browserPath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const skip = existsSync(browserPath) ? false : `there is no browser at ${browserPath}; install Debian's package chromium, or name one in CHROMIUM`;

describe('the live page', { skip, timeout: 120_000 }, () => {
  let browser;
  let server;
  let page;
  let problems; // what the console said, beside the failures of requests that a test caused
  let foreign; // requests to anything but the server
  let failuresExpected;

  before(async () => browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] }));
  after(() => browser?.close());

  beforeEach(async () => {
    server = await FakeServer.start();
    [problems, foreign, failuresExpected] = [[], [], false];
    page = await browser.newPage({ viewport: { width: 1280, height: 900 }, timezoneId: 'UTC' });
    page.setDefaultTimeout(30_000);
    page.on('console', message => {
      const isFailedRequest = message.text().startsWith('Failed to load resource');
      if (['error', 'warning'].includes(message.type()) && !(failuresExpected && isFailedRequest)) problems.push(message.text());
    });
    page.on('pageerror', error => problems.push(String(error)));
    page.on('request', request => request.url().startsWith(server.url) || foreign.push(request.url()));
  });

  afterEach(async () => {
    await page.close();
    await server.stop();
    assert.deepEqual(problems, []);
    assert.deepEqual(foreign, []);
  });

  /** Opens the page and waits until it shows this event. */
  async function open(first) {
    server.send(first);
    await page.goto(server.url);
    await server.connected();
    await shows('#figures', `Epoch${first.epoch}`);
  }

  /** Waits until an element's text has these words. */
  const shows = (selector, words) => page.waitForFunction(
    ([wanted, text]) => document.querySelector(wanted)?.textContent.includes(text), [selector, words]);

  const points = selector => page.$eval(selector, line => (line.getAttribute('d').match(/[ML]/g) ?? []).length);

  const colours = () => page.$eval('#heatmap', canvas => {
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
    const seen = new Set();
    for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) seen.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
    return seen.size;
  });

  const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

  test('shows the group and its ranks', async () => {
    await open(state({ second: 3 }));
    const figures = await page.$$eval('#figures div', cells => cells.map(cell => [...cell.children].map(part => part.textContent).join(' ')));
    assert.deepEqual(figures.filter(text => /^(Ranks|Epoch|Running|Queued|Balancedness)/.test(text)), ['Ranks 4 of 8', 'Epoch 7', 'Running 32', 'Queued 2', 'Balancedness 0.914']);
    assert.equal(await page.title(), 'tiny-qwen3-moe · ElasticEp');
    const cards = await page.$$eval('#ranks .card', all => all.map(card => card.innerText));
    assert.equal(cards.length, 4);
    assert.match(cards[1], /Rank 1\s+serving/);
    assert.match(cards[1], /process 4113 · 127\.0\.0\.1:41701/);
    assert.doesNotMatch(cards[1], /unix/);
    assert.match(await page.getAttribute('[data-rank="1"] .place', 'title'), /;unix=/);
    assert.match(cards[1], /8 running, 1 waiting/);
    assert.match(cards[1], /compute 16\.1 · exchange 5\.2 · wait 4\.3 ms/);
    assert.match(cards[1], /25 %/);
    const widths = await page.$$eval('[data-rank="1"] .stack span', parts => parts.map(part => Math.round(parseFloat(part.style.width))));
    assert.deepEqual(widths, [63, 20, 17]);
    assert.deepEqual(await page.$$eval('.role', roles => roles.map(role => role.checkVisibility())), [true, false, false, false]);

    const next = state({ ranks: 3, second: 4, epoch: 8 });
    next.ranks[2].state = 'leaving';
    server.send(next);
    await shows('#figures', 'Epoch8');
    assert.deepEqual(await page.$$eval('#ranks .card .state', all => all.map(each => each.textContent)), ['serving', 'serving', 'leaving']);
  });

  test('shows the running operation by its stages, and the finished ones', async () => {
    await open(state({ ranks: 6, joiners: 2, operation: running, operations: finished }));
    assert.match(await page.innerText('[data-rank="5"]'), /joining\s+no address yet\s+Queue\s+–/);
    assert.equal(await page.textContent('#stages [aria-current=step]'), 'Preparing');
    assert.deepEqual(await page.$$eval('#stages li', steps => steps.map(step => step.className)), ['done', 'now', '', '', '']);
    assert.equal(await page.textContent('#transfer-text'), '185 MB of 403 MB (46 %)');
    assert.equal(await page.getAttribute('#transfer-bar', 'aria-valuenow'), '46');
    assert.match(await page.textContent('#operation-detail'), /18 of 32 experts/);
    const before = parseFloat(await page.textContent('#elapsed'));
    assert.ok(before >= 1.7, `${before} s`);
    await page.waitForFunction(then => parseFloat(document.querySelector('#elapsed').textContent) > then, before); // it counts on between two events

    const rows = await page.$$eval('#history tbody tr', all => all.map(row => [...row.cells].map(cell => cell.textContent)));
    assert.deepEqual(rows[0].slice(1), ['Completed', '0 1 2 3', '612 ms', '1.48 s', '0 ms', '9.40 ms', '21.7 ms', '403 MB / 403 MB (1.00×)', '2.11 s']);
    assert.equal(rows[1][1], 'Aborted');
    assert.match(rows[2][0], /Rank 3 did not answer/);
    assert.equal(rows.length, 4);

    server.send(state({ second: 1, ranks: 6, joiners: 2, operation: { ...running, phase: 'Aborted' } }));
    await shows('#stages .aborted', 'Aborted');
    assert.equal(await page.textContent('#stages [aria-current=step]'), 'Aborted');
    server.send(state({ second: 2, ranks: 4, operations: finished }));
    await shows('#operation-detail', 'Last: completed');
    assert.equal(await page.isVisible('#transfer'), false);
  });

  test('draws the experts, with copies and empty slots, and tells about each', async () => {
    await open(state());
    const varied = await colours();
    assert.ok(varied > 10, `${varied} colours`);
    await page.focus('#heatmap');
    await page.keyboard.press('ArrowRight');
    await shows('#heat-tip', 'Layer 0, expert 0\nrank 0');
    for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowRight');
    await shows('#heat-tip', 'Layer 0, expert 3\n2 copies, ranks 0, 1');
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowDown');
    await shows('#heat-tip', 'Layer 1, rank 3\nSlot 8 is empty');
    await page.keyboard.press('Escape');
    assert.equal(await page.isVisible('#heat-tip'), false);

    const box = await page.locator('#heatmap').boundingBox();
    await page.mouse.move(box.x + 40, box.y + 24 + 28 + 10); // the first cell of the second row
    await shows('#heat-tip', 'Layer 1, expert 0\nrank 0');

    server.send(state({ second: 1, layers: 58, experts: 256, ranks: 8, epoch: 9 }));
    await shows('#experts-size', '256 in each of 58 layers');
    assert.ok(await colours() > 30);
  });

  test('charts what it heard, with marks where the group was resized', async () => {
    await open(state());
    for (let second = 1; second <= 120; second++) server.send(state({ second, operations: finished.filter(operation => operation.started < start + second) }));
    await page.waitForFunction(() => document.querySelector('#latency-chart')?.textContent.includes('✕'));
    await page.waitForFunction(() => document.querySelector('#throughput-chart .line').getAttribute('d').split('L').length === 121);
    assert.equal(await points('#latency-chart .line.line-1'), 121);
    assert.equal(await points('#latency-chart .line.line-2'), 121);
    assert.deepEqual(await page.$$eval('#throughput-chart .resize', marks => marks.map(mark => mark.getAttribute('class'))), ['resize completed', 'resize aborted']);
    assert.match(await page.getAttribute('#throughput-chart svg', 'aria-label'), /^Tokens per second: tokens\/s now [\d,]+, least \d/);

    server.send(state({ second: 140 })); // nothing is drawn over a gap
    await page.waitForFunction(() => document.querySelector('#throughput-chart .line').getAttribute('d').split('M').length === 3);
    server.send(state({ second: 600 })); // and what is older than five minutes goes
    await page.waitForFunction(() => !document.querySelector('#throughput-chart .line').getAttribute('d').includes('L'));
  });

  test('asks for a new size and tells the answer', async () => {
    await open(state());
    server.answer = { status: 200, body: { message: 'Scaled to 5 ranks.' } };
    await page.click('#scale-up');
    await shows('#scale-message', 'Scaled to 5 ranks.');
    await page.click('#scale-down');
    await page.waitForFunction(() => !document.querySelector('#scale-down').disabled);
    failuresExpected = true;
    server.answer = { status: 400, body: { error: { message: 'A size of 9 is more than MaxRanks = 8.', type: 'invalid_request_error', param: null, code: 400 } } };
    await page.fill('#scale-size', '9');
    server.send(state({ second: 1, epoch: 8 }));
    await shows('#figures', 'Epoch8');
    assert.equal(await page.inputValue('#scale-size'), '9'); // an event does not take away what was typed
    await page.press('#scale-size', 'Enter');
    await shows('#scale-message.error', 'A size of 9 is more than MaxRanks = 8.');
    server.answer = { status: 502, body: 'Bad gateway' };
    await page.fill('#scale-size', '3');
    await page.click('#scale-set');
    await shows('#scale-message.error', 'status 502');
    await page.fill('#scale-size', '');
    await page.click('#scale-set');
    await shows('#scale-message.error', 'whole number');
    assert.deepEqual(server.asked.map(request => request.body), [5, 3, 9, 3].map(size => ({ new_data_parallel_size: size })));
    assert.equal(server.asked[0].contentType, 'application/json');
  });

  test('lets no size be asked for while an operation runs, nor beyond the least and the most', async () => {
    const disabled = () => page.$$eval('#scale-down, #scale-up, #scale-set', all => all.map(button => button.disabled));
    await open(state({ operation: running }));
    assert.deepEqual(await disabled(), [true, true, true]);
    server.send(state({ second: 1, epoch: 8 }));
    await shows('#figures', 'Epoch8');
    assert.deepEqual(await disabled(), [false, false, false]);
    server.send(state({ second: 2, epoch: 9, ranks: 8 }));
    await shows('#figures', 'Epoch9');
    assert.deepEqual(await disabled(), [false, true, false]);
    server.send(state({ second: 3, epoch: 10, ranks: 1 }));
    await shows('#figures', 'Epoch10');
    assert.deepEqual(await disabled(), [true, false, false]);
  });

  for (const [how, status] of [['breaks', 200], ['is refused', 503]]) {
    test(`says so when the stream ${how}, greys what is old, and recovers`, async () => {
      await open(state({ operation: running }));
      assert.equal(await page.isVisible('#banner'), false);
      failuresExpected = true;
      const answered = page.waitForResponse(response => response.url().endsWith('/elastic/events') && response.status() === status);
      server.dropStream(status);
      await page.waitForSelector('#banner:visible');
      assert.match(await page.textContent('#banner'), /Connection lost, trying again/);
      assert.equal(await page.isDisabled('#scale-up'), true);
      assert.notEqual(await page.$eval('.panel', panel => getComputedStyle(panel).opacity), '1');
      await answered;
      server.restoreStream();
      server.send(state({ second: 9, epoch: 8 }));
      await page.waitForSelector('#banner', { state: 'hidden' });
      await shows('#figures', 'Epoch8');
      assert.equal(await page.isDisabled('#scale-up'), false);
    });
  }

  test('asks for the key, sends it, keeps it for the tab, and asks again when it is none any more', async () => {
    failuresExpected = true; // a refusal shows on the console
    server.key = 'sesame';
    server.send(state());
    await page.goto(server.url);
    await page.waitForSelector('#key-dialog[open]');
    assert.equal(await page.getByLabel('This server asks for a key.').evaluate(field => field === document.activeElement), true);
    assert.equal(await page.textContent('#key-message'), '');
    await page.keyboard.press('Escape');
    await page.waitForSelector('#key-dialog[open]');

    await page.fill('#key-field', 'wrong');
    await page.press('#key-field', 'Enter');
    await shows('#key-message', 'does not take this key');
    assert.equal(await page.inputValue('#key-field'), '');
    await page.fill('#key-field', 'sesame');
    await page.click('#key-form button');
    await shows('#figures', 'Epoch7');
    assert.equal(await page.isVisible('#key-dialog'), false);
    await page.click('#scale-up');
    await shows('#scale-message', 'Scaled.');
    await page.reload();
    await shows('#figures', 'Epoch7');
    assert.equal(await page.isVisible('#key-dialog'), false);

    server.key = 'changed';
    await page.click('#scale-up');
    await page.waitForSelector('#key-dialog[open]');
    server.dropStream(200); // now both want it
    await page.waitForSelector('#banner:visible');
    await page.fill('#key-field', 'changed');
    await page.press('#key-field', 'Enter');
    await page.waitForSelector('#banner', { state: 'hidden' });
    await page.waitForFunction(() => !document.querySelector('#scale-up').disabled);
    assert.deepEqual(server.asked.map(request => request.body), [5, 5].map(size => ({ new_data_parallel_size: size })));
  });

  test('reads events however they are cut, and passes over comments', async () => {
    await open(state());
    const [text, next] = [8, 9].map(epoch => JSON.stringify(state({ second: epoch, epoch, model: 'größer' })));
    const middle = text.indexOf('größer') + 3;
    server.sendRaw(': a comment\n\n');
    server.sendRaw(`data: ${text.slice(0, middle)}`);
    server.sendRaw(`${text.slice(middle)}\r`);
    server.sendRaw('\n\r\n');
    await shows('#figures', 'Epoch8');
    await shows('#model', 'größer');
    server.sendRaw(`event: state\nid: 1\ndata:${next}\n`);
    server.sendRaw('\n');
    await shows('#figures', 'Epoch9');
  });

  test('bears what is missing, null or not what it should be', async () => {
    const whole = state({ operation: running, operations: finished });
    await open(whole);
    const odd = [null, undefined, 'text', -1, [], {}, [null], [[null]], true];
    for (const field of Object.keys(whole).filter(name => name !== 'epoch'))
      for (const value of odd) server.send({ ...whole, [field]: value });
    for (const outer of ['ranks', 'operations'])
      for (const field of Object.keys(whole[outer][0]))
        for (const value of odd) server.send({ ...whole, [outer]: [{ ...whole[outer][0], [field]: value }] });
    for (const outer of ['experts', 'operation', 'itl_ms'])
      for (const field of Object.keys(whole[outer]))
        for (const value of odd) server.send({ ...whole, [outer]: { ...whole[outer], [field]: value } });
    for (const text of ['{', 'null', '5', '[]', '{}', '{"ranks":[{}],"experts":{}}']) server.sendText(text);
    server.send({ ...whole, epoch: 99 });
    await shows('#figures', 'Epoch99');
    assert.equal((await page.$$('#ranks .card')).length, 4);
  });

  test('fits a window of 380 pixels', async () => {
    await page.setViewportSize({ width: 380, height: 800 });
    await open(state({ ranks: 8, layers: 58, experts: 256, operation: running, operations: finished }));
    assert.equal(await overflow(), 0);
    assert.ok(await colours() > 10);
    const names = await page.$$eval('#stages .name', all => all.map(name => {
      const words = document.createRange();
      words.selectNodeContents(name);
      return words.getBoundingClientRect().toJSON();
    }));
    names.slice(1).forEach((box, i) => assert.ok(box.left >= names[i].right, `the names of stages ${i} and ${i + 1} overlap`));
    server.send(state({ second: 1, epoch: 8, model: 'an-organisation/a-model-with-a-very-long-name-that-cannot-be-broken-anywhere' }));
    await shows('#figures', 'Epoch8');
    assert.equal(await overflow(), 0);
  });

  test('names every control and can be used by keyboard', async () => {
    await open(state());
    for (const name of ['Remove one rank', 'Add one rank', 'Scale']) assert.equal(await page.getByRole('button', { name, exact: true }).count(), 1);
    assert.equal(await page.getByRole('spinbutton', { name: 'Ranks' }).count(), 1);
    await page.focus('#scale-down');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement?.id === 'scale-down' && !document.activeElement.disabled);
    assert.deepEqual(server.asked.map(request => request.body.new_data_parallel_size), [3]);
  });
});
