// Encodes texts with Hugging Face's tokenizers (npm @huggingface/tokenizers), by variants of the embedded checkpoint's tokenizer.json, and writes
// token-recordings.json. Run it where that package is installed: node record-tokens.mjs FOLDER, with FOLDER/node_modules.

import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(`${process.argv[2]}/`);
const { Tokenizer } = require('@huggingface/tokenizers');
const { version } = JSON.parse(readFileSync(`${process.argv[2]}/node_modules/@huggingface/tokenizers/package.json`, 'utf8'));
const file = JSON.parse(readFileSync(new URL('../../../samples/ElasticEp.Samples.Qwen3Moe/Models/tiny-qwen3-moe/tokenizer.json', import.meta.url), 'utf8'));
const qwen = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;

const split = pattern => ({ type: 'Split', pattern, behavior: 'Isolated', invert: false });
const sequence = (...parts) => ({ type: 'Sequence', pretokenizers: [...parts, { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false }] });
const added = (id, content, special) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special });

const variants = {
  'as it is': {},
  Qwen3: {
    normalizer: { type: 'NFC' },
    pre_tokenizer: sequence(split({ Regex: qwen })),
    added_tokens: [
      added(0, '<|endoftext|>', true), added(1, '<|im_start|>', true), added(2, '<|im_end|>', true),
      added(2048, '<think>', false), added(2049, '</think>', false), added(2050, '<tool_call>', false),
    ],
  },
  'two patterns': { pre_tokenizer: sequence(split({ Regex: String.raw`\p{N}{1,3}` }), split({ String: ' the' }), split({ Regex: String.raw`\s+` })) },
};

const texts = [
  ' ', 'import os\n\ndef main(self, x=1):\n    return x\n', "Hello world, it's 2024! DON'T we'LL I'd",
  'tabs\t\tand  spaces   \n \r\n\r\n end ', 'a\u00a0b\u2003c\u3000d\u200be\u2028f', 'na\u00efve caf\u00e9 e\u0301 Vie\u0323\u0302t',
  '\u65e5\u672c\u8a9e\u306e\u30c6\u30b9\u30c8123\u3002', '\uac00\ub098 \u1100\u1161\u11a8', '\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22 \u0939\u093f\u0928\u094d\u0926\u0940 \u0627\u0644\u0639\u0631\u0628\u064a\u0629',
  '\u{1f600}abc \u{1f600} def\u{1f468}\u200d\u{1f469}\u200d\u{1f467}', '\u{1d400}\u{1d401}c \u{1d7d8}\u{1d7d9}1 \u{20000}\u{20001}\u4e00 \u{1d165}x',
  '\u0661\u0662\u0663 \u2160\u2161 \u00bd\u00b2', 'x\u0301\u0302 \u212b\u2126 \uf900 \u0958 \ufb01', '1234567 12 the 3 thethe  the',
  '<think>\nwhy\n</think>\n\n<tool_call>{"a": 1}', '<|im_start|>user\nhi<|im_end|>\n<|endoftext|>', '<|im_end|', 'a<|im_start|>b<think>c <|im_end|><|im_end|>',
  '$100,000.00 (50%) [x] {y} a_b a-b a/b #tag @me \\n', '\u0001\u007f',
];

const recordings = {
  made_with: `@huggingface/tokenizers ${version}`,
  variants: Object.entries(variants).map(([name, variant]) => {
    const tokenizer = new Tokenizer({ ...file, ...variant }, {});
    return { name, file: variant, texts: texts.map(text => ({ text, ids: tokenizer.encode(text).ids.join(' ') })) };
  }),
};
writeFileSync(new URL('token-recordings.json', import.meta.url), `${JSON.stringify(recordings, null, 1).replace(/[\u007f-\uffff]/g, letter => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`);
