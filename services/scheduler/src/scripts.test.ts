import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { collections, type Run, type Script, type ScriptRecord, scriptRecordIdOf } from '@holdfast/contracts';
import { askQuestion } from '@holdfast/messaging';
import { temporaryDirectory } from '@holdfast/testing';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createWorld, isOver, type World } from './testing/world.ts';

// Real processes, which a busy machine starts late.
jest.setTimeout(180_000);

let world: World;
let place: Awaited<ReturnType<typeof temporaryDirectory>>;
beforeEach(async () => {
  world = createWorld();
  place = await temporaryDirectory();
});
afterEach(async () => {
  await world.end();
  await place.remove();
});

const here = (name: string) => join(place.path, name);

/** A script in the allowed folder that the shell reads as a program like any other. */
async function write(name: string, text: string, mode = 0o700): Promise<string> {
  await writeFile(here(name), `#!/bin/sh\n${text}\n`);
  await chmod(here(name), mode);
  return here(name);
}
const script = (path: string, more: Partial<Script> = {}): Script => ({
  ...{ path, arguments: [], timeLimitSeconds: 3_600, wait: true, onFailure: 'continue' },
  ...more,
});

async function start(scripts: { before?: Script; after?: Script }): Promise<void> {
  await world.addJob({ scripts });
  await world.addMailboxes(1);
  await world.proxy();
  await world.scheduler({ scriptsFolder: place.path });
  await world.requestRun();
}
// Small steps: the clock stands for hours, the processes take real time.
const until = (what: string, condition: () => Promise<boolean>) => world.until(what, condition, 10);
const toEnd = () => until('the run has ended', async () => isOver(await world.run()));
const record = async (phase: 'before' | 'after'): Promise<ScriptRecord | undefined> =>
  (await world.store.collection(collections.runScripts).get(scriptRecordIdOf('run-1', phase)))?.doc;
const linesOf = async (name: string) =>
  (await readFile(here(name), 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');

describe('scripts around a run', () => {
  test('run before and after it, with its facts, and what they wrote is kept', async () => {
    const before = await write(
      'before.sh',
      `echo "$HOLDFAST_PHASE $1 $2"; echo trouble >&2; env > ${here('env')}`,
    );
    const after = await write(
      'after.sh',
      'echo "$HOLDFAST_OUTCOME $HOLDFAST_MAILBOXES_SUCCESS $HOLDFAST_RUN_NUMBER"',
    );
    await start({ before: script(before, { arguments: ['a b', '$HOME'] }), after: script(after) });
    await toEnd();
    expect((await world.run()).outcome).toBe('success');
    expect(await record('before')).toMatchObject({ state: 'success', exitCode: 0, outputCut: false });
    const output = (await record('before'))?.output.split('\n') ?? [];
    expect(output).toContain('before a b $HOME');
    expect(output).toContain('trouble');
    expect(await record('after')).toMatchObject({ state: 'success', output: 'success 1 1\n' });
    const names = (await linesOf('env')).map((line) => line.split('=')[0]);
    expect(names).toContain('HOLDFAST_RUN_ID');
    expect(
      names.filter((name) => !/^(HOLDFAST_|PATH$|LANG$|PWD$|SHLVL$|OLDPWD$|_$)/.test(name ?? '')),
    ).toEqual([]);
    expect((await world.events('script.ended')).map(({ event }) => event.data.phase).sort()).toEqual([
      'after',
      'before',
    ]);
  });

  test.each<[string, Partial<Script>, Run['outcome'], number]>([
    ['awaited, continue', { onFailure: 'continue' }, 'success', 1],
    ['awaited, fail', { onFailure: 'fail' }, 'failed', 0],
    ['not awaited, fail', { onFailure: 'fail', wait: false }, 'success', 1],
    ['not awaited, continue', { wait: false }, 'success', 1],
  ])('a failing script before the run: %s', async (_what, how, outcome, tasks) => {
    await start({ before: script(await write('bad.sh', 'exit 3'), how) });
    await toEnd();
    const run = await world.run();
    expect([run.outcome, run.tasks.total]).toEqual([outcome, tasks]);
    if (outcome === 'failed') expect(run).toMatchObject({ error: { code: 'script-failed' }, number: 1 });
    await until('its end is noted', async () => (await record('before'))?.state === 'failed');
    expect(await record('before')).toMatchObject({ exitCode: 3, message: 'it ended with exit code 3' });
  });

  test.each<[string, Partial<Script>, Run['outcome']]>([
    ['awaited, continue', {}, 'success'],
    ['awaited, fail', { onFailure: 'fail' }, 'failed'],
    ['not awaited, fail', { onFailure: 'fail', wait: false }, 'success'],
  ])('a failing script after the run: %s', async (_what, how, outcome) => {
    await start({ after: script(await write('bad.sh', 'exit 1'), how) });
    await toEnd();
    expect(await world.run()).toMatchObject({ outcome, tasks: { success: 1 } });
    const [ended] = await world.events('run.completed');
    expect(ended?.event.data).toMatchObject({ outcome });
  });

  test('the run waits for an awaited one, and not for another', async () => {
    const waits = await write('waits.sh', `while [ ! -e ${here('go')} ]; do sleep 0.05; done`);
    await start({ before: script(waits) });
    await until('it runs', async () => (await record('before'))?.state === 'running');
    await world.clock.advance(60_000);
    expect((await world.run()).state).toBe('requested');
    await writeFile(here('go'), '');
    await toEnd();
    expect((await world.run()).outcome).toBe('success');
  });

  test('the script after a run that ended before it began is not run', async () => {
    const trace = `echo x >> ${here('trace')}`;
    const before = script(await write('bad.sh', 'exit 1'), { onFailure: 'fail' });
    await start({ before, after: script(await write('after.sh', trace)) });
    await toEnd();
    expect(await linesOf('trace')).toEqual([]);
    expect((await record('after'))?.state).toBe('planned');
  });

  test('one that takes too long is ended with all that it started', async () => {
    const path = await write('slow.sh', `sleep 600 & echo $! > ${here('child')}; wait`);
    await start({ before: script(path, { timeLimitSeconds: 600, onFailure: 'fail' }) });
    await until('its child runs', async () => (await linesOf('child')).length > 0);
    // Only now: the clock of the test must not outrun the start of the processes.
    await world.clock.advance(600_000);
    await toEnd();
    expect(await world.run()).toMatchObject({ outcome: 'failed', error: { code: 'script-timed-out' } });
    const [child] = await linesOf('child');
    await until('the child is gone', async () => !(await isAlive(Number(child))));
  });

  test('a stop of the run ends its script', async () => {
    await start({ before: script(await write('slow.sh', 'exec sleep 600')) });
    await until('it runs', async () => (await record('before'))?.state === 'running');
    await world.change('run-1', (run) => ({ ...run, stopRequested: true }));
    await toEnd();
    expect((await world.run()).outcome).toBe('stopped');
    await until('it is stopped', async () => (await record('before'))?.state === 'stopped');
  });

  test('only the end of much output is kept', async () => {
    await start({
      before: script(
        await write('loud.sh', 'i=0; while [ $i -lt 20000 ]; do echo "line number $i"; i=$((i+1)); done'),
      ),
    });
    await toEnd();
    const { output = '', outputCut } = (await record('before')) ?? {};
    expect(outputCut).toBe(true);
    expect(Buffer.byteLength(output)).toBeLessThanOrEqual(64 * 1024 + 4);
    expect(output.endsWith('line number 19999\n')).toBe(true);
  });
});

describe('a scheduler that ends in between', () => {
  test('its awaited script is not started twice: it counts as failed, unknown how far it came', async () => {
    const path = await write('once.sh', `echo x >> ${here('trace')}; exec sleep 600`);
    await world.addJob({ scripts: { before: script(path, { onFailure: 'fail' }) } });
    await world.addMailboxes(1);
    await world.proxy();
    const first = await world.scheduler({ scriptsFolder: place.path });
    await world.requestRun();
    await until('it runs', async () => (await linesOf('trace')).length > 0);
    let hasEnded = false;
    void first.stop().then(() => {
      hasEnded = true;
    });
    await world.until('the first scheduler has ended', () => hasEnded);
    await world.scheduler({ scriptsFolder: place.path, instance: 'scheduler-2' });
    await toEnd();
    expect(await world.run()).toMatchObject({ outcome: 'failed', error: { code: 'script-interrupted' } });
    expect(await record('before')).toMatchObject({
      state: 'interrupted',
      message: expect.stringContaining('unknown'),
    });
    expect(await linesOf('trace')).toHaveLength(1);
  });
});

describe('which scripts may run', () => {
  const problemsOf = async (given: Script, scriptsFolder: string | undefined = place.path) => {
    await world.scheduler({ ...(scriptsFolder === '' ? {} : { scriptsFolder }) });
    const asker = world.messaging();
    let answer: { field: string; message: string }[] | undefined;
    void askQuestion(asker, 'default', 'checkScripts', { scripts: [given] }, { timeoutMs: 45_000 }).then(
      ({ problems }) => {
        answer = problems[0];
      },
      () => undefined,
    );
    await until('it is answered', async () => {
      if (answer !== undefined) return true;
      return askQuestion(asker, 'default', 'checkScripts', { scripts: [given] }, { timeoutMs: 1_000 }).then(
        ({ problems }) => {
          answer = problems[0];
          return true;
        },
        () => false,
      );
    });
    return answer;
  };

  test('one in the folder, or below it', async () => {
    await mkdir(here('sub'));
    expect(await problemsOf(script(await write('sub/good.sh', 'true')))).toEqual([]);
  });

  test('none without a folder', async () => {
    const answer = await problemsOf(script(await write('good.sh', 'true')), '');
    expect(answer).toEqual([{ field: 'path', message: expect.stringContaining('HOLDFAST_SCRIPTS_DIR') }]);
  });

  test('none outside, also not by a link that leads out, and none with dots', async () => {
    const outside = await temporaryDirectory();
    const path = join(outside.path, 'outside.sh');
    await writeFile(path, '#!/bin/sh\n');
    await chmod(path, 0o700);
    await symlink(path, here('link.sh'));
    const message = expect.stringContaining('must lie in');
    for (const given of [
      path,
      here('link.sh'),
      `${place.path}/../${outside.path.split('/').at(-1)}/outside.sh`,
    ]) {
      expect(await problemsOf(script(given))).toEqual([{ field: 'path', message }]);
    }
    await outside.remove();
  });

  test.each<[string, number, Partial<Script>, string, string]>([
    ['one that is not executable', 0o600, {}, 'path', 'not executable'],
    ['one that everybody may change', 0o722, {}, 'path', 'may be changed by everybody'],
    ['an interpreter that is not allowed', 0o600, { interpreter: '/bin/ed' }, 'interpreter', '/bin/sh'],
  ])('not %s', async (_what, mode, more, field, message) => {
    const answer = await problemsOf(script(await write('x.sh', 'true', mode), more));
    expect(answer).toEqual([{ field, message: expect.stringContaining(message) }]);
  });

  test('an interpreter reads a script that need not be executable', async () => {
    const path = await write('read.sh', 'echo "$1"', 0o600);
    await start({ before: script(path, { interpreter: '/bin/sh', arguments: ['hello'] }) });
    await toEnd();
    expect(await record('before')).toMatchObject({ state: 'success', output: 'hello\n' });
  });

  test('one that has left the folder since the job was saved fails its run as any other failure', async () => {
    await start({ before: script(here('gone.sh'), { onFailure: 'fail' }) });
    await toEnd();
    expect(await world.run()).toMatchObject({
      outcome: 'failed',
      error: { message: expect.stringContaining('is not there') },
    });
  });
});

/** One that has ended may stay in the table of processes until somebody asks for its end. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/\) Z /.test(stat);
}
