// Stands in for the server: the real page files, an event stream that the test feeds, and a scale endpoint that notes what it is asked.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';

const pageFolder = new URL('../../samples/ElasticEp.Samples.Server/Page/', import.meta.url);
const contentTypes = { '.html': 'text/html; charset=utf-8', '.css': 'text/css; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.svg': 'image/svg+xml' };

export class FakeServer {
  /** The sizes asked for, oldest first. */
  asked = [];

  /** What the scale endpoint answers. */
  answer = { status: 200, body: { message: 'Scaled.' } };

  /** What a request for the event stream gets: 200 or an error. */
  streamStatus = 200;

  /** The API key that it asks for; null for none. */
  key = null;

  #server = createServer((request, response) => this.#handle(request, response).catch(error => response.destroy(error)));
  #streams = new Set();
  #latest = null;
  #waiting = [];

  static async start(port = 0) {
    const server = new FakeServer();
    await new Promise((resolve, reject) => server.#server.once('error', reject).listen(port, '127.0.0.1', resolve));
    return server;
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}/`;
  }

  /** Completes when a page reads the event stream. */
  connected() {
    return new Promise(resolve => this.#streams.size > 0 ? resolve() : this.#waiting.push(resolve));
  }

  /** Sends an event to every page, and to each that connects later. */
  send(state) {
    this.sendText(JSON.stringify(state));
  }

  sendText(text) {
    this.#latest = text;
    this.sendRaw(`data: ${text}\n\n`);
  }

  /** Sends a piece of the stream as it is. */
  sendRaw(text) {
    for (const stream of this.#streams) stream.write(text);
  }

  /** Breaks the event streams, and answers new ones with an error until restoreStream. */
  dropStream(status) {
    this.streamStatus = status;
    for (const stream of this.#streams) stream.destroy();
    this.#streams.clear();
  }

  restoreStream() {
    this.streamStatus = 200;
  }

  stop() {
    this.#server.closeAllConnections();
    return new Promise(resolve => this.#server.close(resolve));
  }

  async #handle(request, response) {
    const path = new URL(request.url, 'http://localhost').pathname;
    const isOpen = path === '/' || extname(path) !== '';
    if (this.key !== null && !isOpen && request.headers.authorization !== `Bearer ${this.key}`) return response.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
    if (path === '/elastic/events') return this.#stream(response);
    if (path === '/scale_elastic_ep' && request.method === 'POST') return this.#scale(request, response);
    const content = await readFile(new URL(path === '/' ? 'index.html' : path.slice(1), pageFolder)).catch(() => null);
    if (content === null) return response.writeHead(404).end();
    response.writeHead(200, {
      'content-type': contentTypes[extname(path) || '.html'],
      'cache-control': 'no-cache',
      'content-security-policy': "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    }).end(content);
  }

  #stream(response) {
    if (this.streamStatus !== 200) return response.writeHead(this.streamStatus).end();
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
    response.write(this.#latest === null ? ': no event yet\n\n' : `data: ${this.#latest}\n\n`);
    this.#streams.add(response);
    for (const resolve of this.#waiting.splice(0)) resolve();
    response.once('close', () => this.#streams.delete(response));
  }

  async #scale(request, response) {
    let body = '';
    for await (const chunk of request) body += chunk;
    this.asked.push({ contentType: request.headers['content-type'], body: JSON.parse(body) });
    const { status, body: answer } = this.answer;
    response.writeHead(status, { 'content-type': 'application/json' }).end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  }
}
