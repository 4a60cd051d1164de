import { InvalidInput } from '@holdfast/contracts';
import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { commonSettings, defaultInstance } from './commonSettings.ts';
import { loadConfig } from './loadConfig.ts';

const schema = z.object(commonSettings);
const store = 'sqlite:/tmp/holdfast.db';

function problemsOf(env: NodeJS.ProcessEnv) {
  try {
    loadConfig(schema, env);
  } catch (error) {
    if (error instanceof InvalidInput) return error.problems;
    throw error;
  }
  throw new Error('the settings were accepted');
}

describe('loadConfig', () => {
  test('only the store given: everything else has its default', () => {
    expect(loadConfig(schema, { HOLDFAST_STORE: store, HOLDFAST_INSTANCE: 'sync-1' })).toEqual({
      HOLDFAST_NATS_URL: ['nats://127.0.0.1:4222'],
      HOLDFAST_PREFIX: 'holdfast',
      HOLDFAST_REPLICAS: 1,
      HOLDFAST_STORE: store,
      HOLDFAST_HEALTH_PORT: 0,
      HOLDFAST_HEALTH_HOST: '127.0.0.1',
      HOLDFAST_LOG_LEVEL: 'info',
      HOLDFAST_TEST_CLOCK_OFFSET_MS: 0,
      HOLDFAST_INSTANCE: 'sync-1',
    });
  });

  test('several brokers are comma separated', () => {
    const env = { HOLDFAST_STORE: store, HOLDFAST_NATS_URL: 'nats://a:4222, tls://b:4222' };
    expect(loadConfig(schema, env).HOLDFAST_NATS_URL).toEqual(['nats://a:4222', 'tls://b:4222']);
  });

  test('a missing setting is named, with an example; an empty one counts as missing', () => {
    const expected = {
      field: 'HOLDFAST_STORE',
      message: 'is not set (example: HOLDFAST_STORE=sqlite:/var/lib/holdfast/holdfast.db)',
    };
    expect(problemsOf({})).toEqual([expected]);
    expect(problemsOf({ HOLDFAST_STORE: ' ' })).toEqual([expected]);
  });

  test('every wrong setting is named at once and no value is repeated', () => {
    const env = {
      HOLDFAST_STORE: 'postgres://u:hush@h/d',
      HOLDFAST_HEALTH_PORT: 'web',
      HOLDFAST_NATS_URL: 'localhost',
    };
    const problems = problemsOf(env);
    expect(problems.map((p) => p.field).sort()).toEqual([
      'HOLDFAST_HEALTH_PORT',
      'HOLDFAST_NATS_URL',
      'HOLDFAST_STORE',
    ]);
    expect(JSON.stringify(problems)).not.toContain('hush');
  });

  test('the instance name has only characters that ids may have and ends with the process id', () => {
    const name = defaultInstance(
      'a-service-with-a-name-that-is-much-too-long-for-an-id-on-this-or-any-machine',
    );
    expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
    expect(name.endsWith(`-${process.pid}`)).toBe(true);
  });
});
