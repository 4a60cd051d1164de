import { readFileSync } from 'node:fs';
import { eventNames, parseEvent } from '@holdfast/contracts';
import { expect, test } from '@jest/globals';
import { asyncApi, eventsPage, exampleEvent } from './index.ts';

const committed = (name: string) => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');

test('docs/events.md says what the schemas say', () => {
  expect(committed('events.md')).toBe(eventsPage());
});

test('docs/asyncapi.json says what the schemas say', () => {
  expect(JSON.parse(committed('asyncapi.json'))).toEqual(JSON.parse(JSON.stringify(asyncApi())));
});

test.each(eventNames)('the example of %s is an event that every consumer reads', (name) => {
  const example = exampleEvent(name);
  expect(parseEvent(JSON.parse(JSON.stringify(example)))).toEqual(example);
});
