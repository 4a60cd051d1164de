// npm run assemble: makes the TypeScript file that holds the bytes of the WebAssembly module of libs/mime.
import { readFileSync, writeFileSync } from 'node:fs';
import wabt from 'wabt';

const folder = new URL('../libs/mime/src/', import.meta.url);
const source = readFileSync(new URL('base64.wat', folder), 'utf8');
const { buffer } = (await wabt()).parseWat('base64.wat', source).toBinary({});
const lines = Buffer.from(buffer)
  .toString('base64')
  .match(/.{1,100}/g)
  .map((line) => `  '${line}'`);
writeFileSync(
  new URL('base64Module.ts', folder),
  `/** base64.wat, assembled: made by \`npm run assemble\`. */\nexport const base64Module =\n${lines.join(' +\n')};\n`,
);
