// npm run bench -- [--only engine,end-to-end,scheduler,memory,search,catalog-cost,unchanged] [--items N] [--rounds N] [--mailboxes N] [--messages N] [--json FILE]
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ensureNatsServer } from '@holdfast/embedded';
import Table from 'cli-table3';
import { benchCatalogCost } from './catalogCost.ts';
import { benchEndToEnd } from './endToEnd.ts';
import { benchEngine } from './engine.ts';
import type { BenchRow } from './measure.ts';
import { benchMemory } from './memory.ts';
import { benchScheduler } from './scheduler.ts';
import { benchSearch } from './search.ts';
import { benchUnchanged } from './unchanged.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'engine,end-to-end,scheduler,memory' },
    rounds: { type: 'string', default: '3' },
    mailboxes: { type: 'string', default: '100' },
    messages: { type: 'string', default: '200' },
    items: { type: 'string', default: '1000000' },
    json: { type: 'string' },
  },
});
const wanted = new Set(values.only.split(','));
const rounds = Number(values.rounds);
const size = { mailboxes: Number(values.mailboxes), messagesPerMailbox: Number(values.messages) };
const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const show = (value: number | undefined): string =>
  value === undefined ? '' : value.toFixed(value < 10 ? 2 : 0);

const natsServer = await ensureNatsServer(say);
const rows: BenchRow[] = [];
if (wanted.has('engine')) rows.push(...(await benchEngine({ ...size, rounds, seed: 11, say })));
if (wanted.has('end-to-end'))
  rows.push(...(await benchEndToEnd({ natsServer, ...size, rounds, seed: 11, say })));
if (wanted.has('unchanged'))
  rows.push(...(await benchUnchanged({ natsServer, ...size, rounds, seed: 11, say })));
if (wanted.has('scheduler')) rows.push(...(await benchScheduler(natsServer, say)));
if (wanted.has('memory')) rows.push(...(await benchMemory(natsServer, say)));
if (wanted.has('catalog-cost')) rows.push(...(await benchCatalogCost({ natsServer, ...size, rounds, say })));
if (wanted.has('search')) rows.push(...(await benchSearch({ items: Number(values.items), say })));

const table = new Table({ head: ['bar', 'unit', 'Holdfast', 'peer', 'ratio', 'gate', 'held'] });
for (const row of rows) {
  const held = row.held === undefined ? (row.note ?? '') : row.held ? 'yes' : 'NO';
  table.push([row.bar, row.unit, show(row.ours), show(row.peer), show(row.ratio), row.gate ?? '', held]);
}
process.stdout.write(`${table.toString()}\n`);
if (values.json !== undefined)
  writeFileSync(values.json, `${JSON.stringify({ size, rounds, rows }, null, 2)}\n`);
process.exitCode = rows.some((row) => row.held === false) ? 1 : 0;
