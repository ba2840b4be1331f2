// OpenAI's own client, unmodified, against the server with its worker processes.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { Server, skip } from './server.mjs';

const model = 'tiny-qwen3-moe';
const prompt = 'import os\n\ndef ';
const greedy = { model, prompt, max_tokens: 24, temperature: 0 };
const messages = [{ role: 'system', content: 'You are brief.' }, { role: 'user', content: 'Say something.' }];
const chat = { model, messages, max_completion_tokens: 24, temperature: 0 };

/** Everything that a stream of completions says. */
async function collect(stream) {
  const result = { texts: [], finished: [], usage: null, chunks: 0 };
  for await (const chunk of stream) {
    if (chunk.usage) result.usage = chunk.usage;
    for (const choice of chunk.choices) {
      result.chunks++;
      result.texts[choice.index] = (result.texts[choice.index] ?? '') + (choice.text ?? choice.delta.content ?? '');
      if (choice.finish_reason) result.finished[choice.index] = choice.finish_reason;
    }
  }
  return result;
}

describe('the OpenAI client', { skip, timeout: 240_000 }, () => {
  let server;
  let client;
  let text; // the greedy completion
  let said; // the greedy answer

  before(async () => {
    server = await Server.start('--ranks', '2', '--max-ranks', '4', '--max-requests', '256');
    client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0, timeout: 60_000 });
    text = (await client.completions.create(greedy)).choices[0].text;
    said = (await client.chat.completions.create(chat)).choices[0].message.content;
  });
  after(async () => assert.equal(await server?.stop(), 0));

  test('lists the model', async () => {
    const models = await client.models.list();
    assert.deepEqual(models.data.map(each => [each.id, each.object, each.max_model_len]), [[model, 'model', 2048]]);
    assert.equal((await client.models.retrieve(model)).id, model);
    await assert.rejects(client.models.retrieve('another'), OpenAI.NotFoundError);
  });

  test('completes', async () => {
    const { data, response } = await client.completions.create(greedy, { headers: { 'x-request-id': 'of-this-test' } }).withResponse();
    assert.equal(response.headers.get('x-request-id'), 'of-this-test');
    assert.match(data.id, /^cmpl-/);
    assert.deepEqual([data.object, data.model, data.choices.length], ['text_completion', model, 1]);
    assert.equal(data.choices[0].text, text);
    assert.ok(text.length > 24);
    assert.equal(data.choices[0].finish_reason, 'length');
    assert.equal(data.usage.completion_tokens, 24);
    assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + 24);
  });

  test('completes as a stream, with the usage at its end', async () => {
    const streamed = await collect(await client.completions.create({ ...greedy, stream: true, stream_options: { include_usage: true } }));
    assert.deepEqual(streamed.texts, [text]);
    assert.deepEqual(streamed.finished, ['length']);
    assert.equal(streamed.chunks, 24);
    assert.equal(streamed.usage.completion_tokens, 24);
    assert.equal((await collect(await client.completions.create({ ...greedy, stream: true }))).usage, null);
  });

  test('chats', async () => {
    const answer = await client.chat.completions.create(chat);
    assert.match(answer.id, /^chatcmpl-/);
    assert.deepEqual([answer.object, answer.choices[0].message.role, answer.choices[0].finish_reason], ['chat.completion', 'assistant', 'length']);
    assert.equal(answer.choices[0].message.content, said);
    assert.equal(answer.usage.completion_tokens, 24);
    const parts = [messages[0], { role: 'user', content: [{ type: 'text', text: 'Say ' }, { type: 'text', text: 'something.' }] }];
    assert.equal((await client.chat.completions.create({ ...chat, messages: parts })).choices[0].message.content, said);
  });

  test('chats as a stream, by iteration and by the runner of events', async () => {
    const streamed = await collect(await client.chat.completions.create({ ...chat, stream: true, stream_options: { include_usage: true } }));
    assert.deepEqual([streamed.texts, streamed.finished, streamed.usage.completion_tokens], [[said], ['length'], 24]);
    const runner = client.chat.completions.stream(chat);
    let heard = '';
    runner.on('content', delta => { heard += delta; });
    assert.equal(await runner.finalContent(), said);
    assert.equal(heard, said);
  });

  test('gets n choices, one for each prompt and seed', async () => {
    const drawn = { model, prompt, max_tokens: 16, temperature: 0.9, seed: 11, n: 3 };
    const three = (await client.completions.create(drawn)).choices.map(choice => choice.text);
    assert.equal(new Set(three).size, 3);
    assert.deepEqual((await client.completions.create(drawn)).choices.map(choice => choice.text), three);
    assert.deepEqual((await collect(await client.completions.create({ ...drawn, stream: true }))).texts, three);
    assert.notDeepEqual((await client.completions.create({ ...drawn, seed: 12 })).choices.map(choice => choice.text), three);
    const several = await client.completions.create({ ...greedy, prompt: ['class ', prompt] });
    assert.deepEqual(several.choices.map(choice => choice.index), [0, 1]);
    assert.equal(several.choices[1].text, text);
    const ids = (await (await server.post('/tokenize', { prompt })).json()).tokens;
    assert.equal((await client.completions.create({ ...greedy, prompt: ids })).choices[0].text, text);
    assert.deepEqual((await client.completions.create({ ...greedy, prompt: [ids, ids] })).choices.map(choice => choice.text), [text, text]);
  });

  test('draws within top_p and top_k, and repeats the prompt if asked', async () => {
    assert.equal((await client.completions.create({ ...greedy, temperature: 1, top_k: 1 })).choices[0].text, text);
    assert.equal((await client.completions.create({ ...greedy, temperature: 1, top_p: 1e-6 })).choices[0].text, text);
    assert.equal((await client.completions.create({ ...greedy, echo: true })).choices[0].text, prompt + text);
  });

  test('stops at a text, which is not part of the answer', async () => {
    const stop = text.slice(8, 12);
    const stopped = await client.completions.create({ ...greedy, stop });
    assert.equal(stopped.choices[0].text, text.slice(0, text.indexOf(stop)));
    assert.equal(stopped.choices[0].finish_reason, 'stop');
    const streamed = await collect(await client.completions.create({ ...greedy, stop: ['never said', stop], stream: true }));
    assert.deepEqual([streamed.texts, streamed.finished], [[stopped.choices[0].text], ['stop']]);
  });

  test('gets log probabilities', async () => {
    const { logprobs } = (await client.completions.create({ ...greedy, logprobs: 3 })).choices[0];
    assert.equal(logprobs.tokens.join(''), text);
    assert.deepEqual([logprobs.token_logprobs.length, logprobs.top_logprobs.length, logprobs.text_offset.length], [24, 24, 24]);
    logprobs.top_logprobs.forEach((best, i) => {
      assert.equal(Object.keys(best).length, 3);
      assert.equal(Math.max(...Object.values(best)), logprobs.token_logprobs[i]); // greedy takes the best
      assert.ok(logprobs.token_logprobs[i] < 0);
    });
    const { content } = (await client.chat.completions.create({ ...chat, logprobs: true, top_logprobs: 2 })).choices[0].logprobs;
    assert.equal(content.map(each => each.token).join(''), said);
    assert.ok(content.every(each => each.top_logprobs.length === 2 && each.top_logprobs[0].logprob === each.logprob));
    assert.equal(Buffer.from(content.flatMap(each => each.bytes)).toString('utf8'), said);
  });

  test('gets the prompt with its log probabilities, and nothing else', async () => {
    const { data } = await client.completions.create({ ...greedy, max_tokens: 0, echo: true, logprobs: 1 }).withResponse();
    const { text: repeated, finish_reason, logprobs } = data.choices[0];
    assert.deepEqual([repeated, finish_reason, data.usage.completion_tokens], [prompt, 'length', 0]);
    assert.equal(logprobs.tokens.join(''), prompt);
    assert.deepEqual([logprobs.token_logprobs[0], logprobs.top_logprobs[0]], [null, null]);
    logprobs.tokens.slice(1).forEach((token, i) => assert.equal(logprobs.top_logprobs[i + 1][token], logprobs.token_logprobs[i + 1]));
  });

  test('gets other texts for penalties and biases, and none with banned words', async () => {
    const said = async body => (await client.completions.create({ ...greedy, ...body })).choices[0].text;
    assert.notEqual(await said({ frequency_penalty: 2, presence_penalty: 2 }), text);
    assert.equal(await said({ frequency_penalty: 0, presence_penalty: 0, logit_bias: {} }), text);
    const { tokens } = await (await server.post('/tokenize', { prompt: 'self' })).json();
    assert.equal(await said({ logit_bias: { [tokens[0]]: 100 }, max_tokens: 3 }), 'selfselfself');
    assert.equal(await said({ logit_bias: { [tokens[0]]: 100 }, bad_words: ['self'], max_tokens: 3 }).then(each => each.includes('selfself')), false);
  });

  test('gets errors of its own classes', async () => {
    const rejected = (body, kind, words) => assert.rejects(client.completions.create({ ...greedy, ...body }), error => {
      assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
      assert.match(error.message, words);
      return true;
    });
    await rejected({ max_tokens: 0 }, OpenAI.BadRequestError, /max_tokens is 0/);
    await rejected({ max_tokens: 'many' }, OpenAI.BadRequestError, /max_tokens must be a whole number/);
    await rejected({ prompt: 'x '.repeat(3000) }, OpenAI.BadRequestError, /may be 2048/);
    await rejected({ model: 'gpt-4' }, OpenAI.NotFoundError, /gpt-4.*does not exist/);
    await rejected({ n: 64, prompt: ['a', 'b', 'c'] }, OpenAI.BadRequestError, /n is 64 for 3 prompts/);
    await assert.rejects(client.chat.completions.create({ ...chat, messages: [] }), { status: 400, type: 'invalid_request_error', param: 'messages' });
    await assert.rejects(client.embeddings.create({ model, input: 'a' }), OpenAI.NotFoundError);
  });

  test('is refused while the queue is full, and served when it tries again', async () => {
    const long = { ...greedy, max_tokens: 1900, n: 128, ignore_eos: true, stream: true };
    const streams = await Promise.all([client.completions.create(long), client.completions.create(long)]);
    await assert.rejects(client.completions.create(greedy), error => {
      assert.ok(error instanceof OpenAI.RateLimitError);
      assert.equal(error.headers.get('retry-after'), '1');
      return true;
    });
    const patient = client.withOptions({ maxRetries: 5 }).completions.create(greedy);
    streams.forEach(stream => stream.controller.abort());
    assert.equal((await patient).choices[0].text, text);
  });

  test('aborts a stream, and the server forgets the request', async () => {
    const stream = await client.completions.create({ ...greedy, max_tokens: 1900, ignore_eos: true, stream: true });
    for await (const chunk of stream) {
      assert.equal(chunk.choices.length, 1);
      break; // leaving the loop aborts it
    }
    const end = Date.now() + 30_000;
    while ((await server.get('/load')).server_load > 0) assert.ok(Date.now() < end, 'the request is still there');
  });

  test('passes over the comments that keep a silent stream alive', { skip: process.platform === 'linux' ? false : 'it pauses processes with signals of Linux' }, async () => {
    const quiet = await Server.start('--ranks', '2', '--sse-keep-alive-interval', '1');
    const workers = quiet.workers();
    assert.equal(workers.length, 2);
    try {
      const long = { ...greedy, max_tokens: 400, ignore_eos: true };
      const longText = (await (await quiet.post('/v1/completions', long)).json()).choices[0].text;
      const raw = (await quiet.post('/v1/completions', { ...long, stream: true })).body.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
      const stream = await client.withOptions({ baseURL: `${quiet.url}/v1` }).completions.create({ ...long, stream: true });
      workers.forEach(worker => process.kill(worker, 'SIGSTOP')); // all of them: nobody misses anybody
      try {
        for (let said = ''; !said.includes('\n: keep-alive\n'); ) {
          const { done, value } = await raw.next();
          assert.ok(!done, 'the stream ended before it was silent');
          said += value;
        }
      } finally {
        workers.forEach(worker => process.kill(worker, 'SIGCONT'));
      }
      assert.deepEqual((await collect(stream)).texts, [longText]);
    } finally {
      assert.equal(await quiet.stop(), 0);
    }
  });

  test('goes on while the group grows and shrinks 2 → 4 → 2', async () => {
    const long = { ...greedy, max_tokens: 600, ignore_eos: true };
    const longText = (await client.completions.create(long)).choices[0].text;
    const kinds = [
      async () => assert.equal((await client.completions.create(greedy)).choices[0].text, text),
      async () => assert.deepEqual((await collect(await client.completions.create({ ...greedy, stream: true }))).texts, [text]),
      async () => assert.equal((await client.chat.completions.create(chat)).choices[0].message.content, said),
      async () => assert.deepEqual((await collect(await client.chat.completions.create({ ...chat, stream: true }))).texts, [said]),
    ];
    let [resizing, completed] = [true, 0];
    const users = kinds.map(async use => {
      for (; resizing; completed++) await use();
    });
    try {
      for (const [size, ranks] of [[4, [0, 1, 2, 3]], [2, [0, 1]]]) {
        const wanted = completed + 8;
        while (completed < wanted) await Promise.race([...users, new Promise(resolve => setTimeout(resolve, 20))]); // throws what a user throws
        const streams = await Promise.all(Array.from({ length: 8 }, () => client.completions.create({ ...long, stream: true })));
        const iterators = streams.map(stream => stream[Symbol.asyncIterator]());
        const begun = await Promise.all(iterators.map(async iterator => (await iterator.next()).value.choices[0].text)); // all are in the middle now
        assert.deepEqual((await server.scale(size)).ranks, ranks);
        const texts = await Promise.all(iterators.map(async (iterator, i) => begun[i] + (await collect({ [Symbol.asyncIterator]: () => iterator })).texts[0]));
        assert.deepEqual(texts, Array(8).fill(longText));
      }
    } finally {
      resizing = false;
    }
    await Promise.all(users); // none failed, none differed
    assert.ok((await server.get('/elastic/view')).handed_back_requests > 0, 'no stream was handed back in the middle');
    const { operations } = await server.get('/elastic/operations');
    assert.deepEqual(operations.map(each => [each.outcome, each.target]), [['Completed', '2 ranks'], ['Completed', '4 ranks']]);
  });
});
