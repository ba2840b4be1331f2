// A page of another origin in a real browser: it may use the server when the option for it says so, and not otherwise.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { Server, skip as noServer } from '../openai/server.mjs';

const browserPath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const skip = existsSync(browserPath) ? noServer : `there is no browser at ${browserPath}; install Debian's package chromium, or name one in CHROMIUM`;
const key = 'a-key-of-this-test';

/** Another site: an empty page at an address of its own. */
async function site() {
  const server = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<!DOCTYPE html><title>another site</title>'));
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, stop: () => new Promise(resolve => server.close(resolve).closeAllConnections()) };
}

describe('a page of another origin', { skip, timeout: 120_000 }, () => {
  let browser;
  let friend;
  let stranger;
  const servers = [];

  before(async () => {
    [friend, stranger] = await Promise.all([site(), site()]);
    browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] });
  });
  after(async () => {
    await browser?.close();
    await Promise.all([friend?.stop(), stranger?.stop()]);
    for (const server of servers) assert.equal(await server.stop(), 0);
  });

  async function start(...args) {
    const server = await Server.start('--ranks', '1', ...args);
    servers.push(server);
    return server;
  }

  /** What scripts of the site get: of a question, of a stream, of a refusal. */
  async function use(origin, server) {
    const page = await browser.newPage();
    try {
      await page.goto(origin);
      return await page.evaluate(async ([url, secret]) => {
        const headers = { 'content-type': 'application/json', authorization: `Bearer ${secret}` };
        const post = body => fetch(`${url}/v1/completions`, { method: 'POST', headers, body: JSON.stringify(body) });
        const read = async (ask, take) => {
          try {
            return await take(await ask());
          } catch (error) {
            return error.name;
          }
        };
        return [
          await read(() => fetch(`${url}/v1/models`, { headers }), async answer => (await answer.json()).object),
          await read(() => post({ prompt: 'import', max_tokens: 4, stream: true }), async answer => (await answer.text()).endsWith('data: [DONE]\n\n') && answer.headers.get('x-request-id').length > 0),
          await read(() => fetch(`${url}/v1/models`), answer => answer.status), // without the key: it may read that too
        ];
      }, [server.url, key]);
    } finally {
      await page.close();
    }
  }

  test('works when its origin is allowed, and others do not', async () => {
    const server = await start('--api-key', key, '--allowed-origins', `https://chat.example.com;${friend.origin}`);
    assert.deepEqual(await use(friend.origin, server), ['list', true, 401]);
    assert.deepEqual(await use(stranger.origin, server), ['TypeError', 'TypeError', 'TypeError']);
  });

  test('does not work when nothing is said, and any does when all are allowed', async () => {
    assert.deepEqual(await use(friend.origin, await start()), ['TypeError', 'TypeError', 'TypeError']);
    assert.deepEqual(await use(stranger.origin, await start('--allowed-origins', '*')), ['list', true, 200]);
  });
});
