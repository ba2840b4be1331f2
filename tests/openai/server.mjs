// The server as a user starts it, on a free port of this machine.

import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const built = '../../samples/ElasticEp.Samples.Server/bin/Release/net10.0/ElasticEp.Samples.Server';
const executable = process.env.ELASTICEP_SERVER ?? fileURLToPath(new URL(built, import.meta.url));
const deadline = 60_000;

/** Why there is no server here, or false. */
export const skip = existsSync(executable) ? false : `${executable} does not exist; build it with: dotnet build -c Release samples/ElasticEp.Samples.Server`;

export class Server {
  #process;
  #log = '';

  /** Starts it and waits until it serves. */
  static async start(...args) {
    const server = new Server();
    server.#process = spawn(executable, ['--urls', 'http://127.0.0.1:0', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    server.url = await server.#address();
    await server.#ready();
    return server;
  }

  /** Asks for a size; the answer of a resize that succeeded. */
  async scale(size) {
    const response = await this.post('/scale_elastic_ep', { new_data_parallel_size: size });
    const answer = await response.json();
    if (response.status !== 200) throw new Error(`scaling to ${size}: ${JSON.stringify(answer)}\n${this.#log}`);
    return answer;
  }

  post(path, body) {
    return fetch(this.url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), signal: AbortSignal.timeout(deadline) });
  }

  async get(path) {
    return (await fetch(this.url + path, { signal: AbortSignal.timeout(deadline) })).json();
  }

  /** Ids of the processes that it has started; Linux only. */
  workers() {
    const tasks = `/proc/${this.#process.pid}/task`;
    return readdirSync(tasks).flatMap(task => readFileSync(`${tasks}/${task}/children`, 'utf8').match(/\d+/g) ?? []).map(Number);
  }

  /** Its exit code. */
  stop() {
    return new Promise(resolve => {
      this.#process.once('exit', resolve);
      this.#process.kill('SIGTERM');
    });
  }

  #address() {
    return new Promise((resolve, reject) => {
      const take = text => {
        this.#log += text;
        const match = /Serving at (\S+)\. Try:/.exec(this.#log);
        if (match) resolve(match[1]);
      };
      this.#process.stdout.setEncoding('utf8').on('data', take);
      this.#process.stderr.setEncoding('utf8').on('data', take);
      this.#process.once('error', reject);
      this.#process.once('exit', code => reject(new Error(`the server ended with ${code}:\n${this.#log}`)));
    });
  }

  async #ready() {
    const end = Date.now() + deadline;
    while ((await fetch(`${this.url}/health/ready`)).status !== 200) {
      if (Date.now() > end) throw new Error(`the server is not ready after ${deadline} ms:\n${this.#log}`);
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  }
}
