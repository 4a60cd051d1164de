import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { asyncApi, eventsPage } from './index.ts';

const committed = (name: string) => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');

test('docs/events.md says what the schemas say', () => {
  expect(committed('events.md')).toBe(eventsPage());
});

test('docs/asyncapi.json says what the schemas say', () => {
  expect(JSON.parse(committed('asyncapi.json'))).toEqual(JSON.parse(JSON.stringify(asyncApi())));
});
