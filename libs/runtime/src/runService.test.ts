import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type ServiceProcess, startProcess, temporaryDirectory } from '@holdfast/testing';
import { afterEach, describe, expect, test } from '@jest/globals';

const door = fileURLToPath(new URL('./index.ts', import.meta.url));
const directory = temporaryDirectory('runtime');
const running: ServiceProcess[] = [];
afterEach(async () => {
  for (const service of running.splice(0)) await service.kill();
});

/** A service whose start has this body; it sees `context`, `healthPort` and `log`. */
async function service(name: string, body: string, env: Record<string, string> = {}) {
  const entry = directory.at(`${name}.ts`);
  const code = `import { runService, startHealthServer } from ${JSON.stringify(door)};
    runService('demo', async (context) => { const { logger, metrics, signal, releasers } = context; ${body} });`;
  writeFileSync(entry, code);
  const started = await startProcess(entry, env);
  running.push(started);
  return started;
}

const idle = `let end = () => {}; const done = new Promise((resolve) => { end = resolve; });
  const timer = setInterval(() => {}, 1000);`;

describe('runService', () => {
  test('prints a ready line with its health port, and a signal stops it in order with code 0', async () => {
    const demo = await service(
      'ordered',
      `${idle} const health = await startHealthServer({ host: '127.0.0.1', port: 0, checks: {}, metrics });
       releasers.add('first', () => logger.info({}, 'released first'));
       releasers.add('health', () => { logger.info({}, 'released health'); return health.stop(); });
       signal.addEventListener('abort', () => logger.info({}, 'asked to end'));
       return { done, stop: async () => { logger.info({}, 'stopped'); clearInterval(timer); end(); } };`,
      { HOLDFAST_INSTANCE: 'demo-7' },
    );
    expect(demo.ready).toMatchObject({ ready: true, service: 'demo', instance: 'demo-7' });
    const answer = await fetch(`http://127.0.0.1:${demo.ready.healthPort}/healthz`);
    expect(answer.status).toBe(200);
    expect(await demo.stop()).toEqual({ code: 0, signal: null });
    const messages = demo.logs().map((line) => line.message);
    expect(messages).toEqual([
      'ready',
      'stopping',
      'asked to end',
      'stopped',
      'released health',
      'released first',
      'ended',
    ]);
  });

  test('a wrong setting ends it with 78 before it is ready and says which', async () => {
    await expect(
      service('settings', 'throw new Error("never")', { HOLDFAST_LOG_LEVEL: 'loud' }),
    ).rejects.toThrow(/"code":78[\s\S]*HOLDFAST_LOG_LEVEL/);
  });

  test('a start that fails ends it with 1, after what was opened is closed', async () => {
    await expect(
      service(
        'failing',
        `releasers.add('a', () => logger.info({}, 'closed a')); throw new Error('no luck');`,
      ),
    ).rejects.toThrow(/(?=[\s\S]*"code":1)[\s\S]*no luck[\s\S]*closed a[\s\S]*ended/);
  });

  test('a service that cannot go on ends with 1', async () => {
    const demo = await service(
      'giving-up',
      `${idle} return { stop: async () => { clearInterval(timer); },
       done: new Promise((_, reject) => setTimeout(() => reject(new Error('lost the store')), 50)) };`,
    );
    expect(await demo.exited).toMatchObject({ code: 1 });
    expect(demo.stderr).toContain('lost the store');
  });

  test('an unhandled rejection ends it with 70 and is logged', async () => {
    const demo = await service(
      'defect',
      `${idle} setTimeout(() => Promise.reject(new Error('nobody listens')), 50);
       return { done, stop: async () => end() };`,
    );
    expect(await demo.exited).toMatchObject({ code: 70 });
    expect(demo.stderr).toContain('nobody listens');
  });

  test('a second signal ends a service that does not stop', async () => {
    const demo = await service(
      'stubborn',
      `${idle} return { done, stop: () => new Promise(() => { logger.info({}, 'never stops'); process.kill(process.pid, 'SIGTERM'); }) };`,
    );
    expect(await demo.stop()).toEqual({ code: 1, signal: null });
  });
});
