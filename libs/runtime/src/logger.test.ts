import { HoldfastError } from '@holdfast/contracts';
import { describe, expect, test } from '@jest/globals';
import { createLogger, type LogLevel } from './logger.ts';

function loggerToLines(level: LogLevel = 'info') {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const logger = createLogger({ service: 'sync', instance: 'sync-1', level, destination });
  return { logger, lines, first: () => JSON.parse(lines[0] ?? '{}') as Record<string, unknown> };
}

describe('logger', () => {
  test('a line is JSON with service, instance, level, time and message', () => {
    const { logger, first } = loggerToLines();
    logger.child({ runId: 'run-1' }).info({ items: 3 }, 'stored');
    expect(first()).toMatchObject({
      level: 'info',
      service: 'sync',
      instance: 'sync-1',
      runId: 'run-1',
      items: 3,
      message: 'stored',
    });
    expect(String(first().time)).toMatch(/^\d{4}-\d\d-\d\dT/);
  });

  test('lines below the level are not written', () => {
    const { logger, lines } = loggerToLines('warn');
    logger.info({}, 'quiet');
    logger.warn({}, 'loud');
    expect(lines).toHaveLength(1);
  });

  test('what sounds like a secret is hidden at any depth, in child fields, in lists and in addresses', () => {
    const { logger, lines } = loggerToLines();
    const child = logger.child({ clientSecret: 'hush-1' });
    child.info(
      {
        store: 'mongodb://user:hush-2@host/db',
        mail: { password: 'hush-3', list: [{ Authorization: 'hush-4' }] },
        credential: { pem: 'hush-5' },
        header: 'Bearer hush-6-abcdefgh',
        tokens: 7,
      },
      'sent to smtp://me:hush-7@relay',
    );
    expect(lines.join()).not.toContain('hush');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ tokens: 7, store: 'mongodb://***@host/db' });
  });

  test('an error keeps its code, class, remedy, details and causes', () => {
    const { logger, first } = loggerToLines();
    const cause = new Error('socket closed by nats://u:hush@host');
    const error = new HoldfastError('broker-unavailable', 'transient', 'no broker', {
      remedy: 'Start it.',
      details: { server: 'a', password: 'hush' },
      cause,
    });
    logger.error({ error }, 'failed');
    expect(first().error).toMatchObject({
      code: 'broker-unavailable',
      errorClass: 'transient',
      message: 'no broker',
      remedy: 'Start it.',
      details: { server: 'a', password: '***' },
      cause: { message: 'socket closed by nats://***@host' },
    });
    expect(JSON.stringify(first())).not.toContain('hush');
  });

  test('a value that contains itself is cut, not followed for ever', () => {
    const { logger, lines } = loggerToLines();
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    logger.info({ loop }, 'odd');
    expect(lines[0]).toContain('(deeper)');
  });
});
