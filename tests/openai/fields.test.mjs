// Every field of the client's types is in the table of docs/http.md; what becomes of it there is compared with the code by the tests of .NET.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const read = path => readFileSync(new URL(path, import.meta.url), 'utf8');
const table = read('../../docs/http.md');

/** Names of the fields of an interface in a file of types. */
function fieldsOf(file, name) {
  const text = read(`node_modules/openai/resources/${file}`);
  const start = text.indexOf(`export interface ${name} {`);
  assert.ok(start >= 0, `${name} is not in ${file}`);
  return [...text.slice(start, text.indexOf('\n}', start)).matchAll(/^ {4}(\w+)\??:/gm)].map(match => match[1]);
}

for (const [file, name, endpoint, some] of [
  ['completions.d.ts', 'CompletionCreateParamsBase', 'completions', 'best_of'],
  ['chat/completions/completions.d.ts', 'ChatCompletionCreateParamsBase', 'chat', 'verbosity'],
]) {
  test(`the table has every field of ${name}`, () => {
    const fields = fieldsOf(file, name);
    assert.ok(fields.includes(some));
    assert.deepEqual(fields.filter(field => !table.includes(`\n| \`${field}\` | both |`) && !table.includes(`\n| \`${field}\` | ${endpoint} |`)), []);
  });
}
