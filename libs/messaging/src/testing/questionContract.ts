import { HoldfastError } from '@holdfast/contracts';
import { askQuestion, serveQuestion } from '../questions.ts';
import { door, eachBroker, type OpenBroker } from './contractFixture.ts';
import { jestGlobals } from './jestGlobals.ts';

/** What every broker must do with questions. */
export function questionContract(open: OpenBroker): void {
  const { describe, expect, test } = jestGlobals();

  describe('questions', () => {
    const { connect } = eachBroker(open);

    test('are answered by one of those who serve them', async () => {
      const [one, two, asker] = [await connect('one'), await connect('two'), await connect('asker')];
      let answered = 0;
      for (const messaging of [one, two]) {
        await messaging.serve('ask.sync.default.double', async (request) => {
          answered += 1;
          return (request as number) * 2;
        });
      }
      const replies = await Promise.all(
        [1, 2, 3, 4].map((n) => asker.ask('ask.sync.default.double', n, { timeoutMs: 30_000 })),
      );
      expect(replies).toEqual([2, 4, 6, 8]);
      expect(answered).toBe(4);
    });

    test('an error of the answerer arrives with its code, class, message and remedy', async () => {
      const messaging = await connect();
      await messaging.serve('ask.sync.default.fail', async () => {
        throw new HoldfastError('no-consent', 'forbidden', 'consent is missing', { remedy: 'Give it.' });
      });
      await messaging.serve('ask.sync.default.crash', async () => {
        throw new TypeError('x is not a function');
      });
      await expect(messaging.ask('ask.sync.default.fail', {}, { timeoutMs: 30_000 })).rejects.toMatchObject({
        code: 'no-consent',
        errorClass: 'forbidden',
        message: 'consent is missing',
        remedy: 'Give it.',
      });
      await expect(messaging.ask('ask.sync.default.crash', {}, { timeoutMs: 30_000 })).rejects.toMatchObject({
        code: 'unexpected',
        errorClass: 'ours',
      });
    });

    test('nobody there is `no-answer` at once, nobody in time after the time', async () => {
      const messaging = await connect();
      const hold = door();
      const expected = { code: 'no-answer', errorClass: 'transient' };
      const answered = messaging.ask('ask.none', {}, { timeoutMs: 600_000 });
      await expect(answered).rejects.toMatchObject(expected);
      await messaging.serve('ask.slow', () => hold.opened);
      await expect(messaging.ask('ask.slow', {}, { timeoutMs: 100 })).rejects.toMatchObject(expected);
      hold.open();
    });

    test('after `stop` nobody answers any more, and what was asked before is still answered', async () => {
      const messaging = await connect();
      const hold = door();
      const began = door();
      const serving = await messaging.serve('ask.last', async () => {
        began.open();
        await hold.opened;
        return 'late but sure';
      });
      const reply = messaging.ask('ask.last', {}, { timeoutMs: 30_000 });
      await began.opened;
      const stopped = serving.stop();
      hold.open();
      expect(await reply).toBe('late but sure');
      await stopped;
      await expect(messaging.ask('ask.last', {}, { timeoutMs: 500 })).rejects.toMatchObject({
        code: 'no-answer',
      });
    });

    test('typed questions check both sides against their schemas', async () => {
      const messaging = await connect();
      const ask = (pool: string) =>
        askQuestion(
          messaging,
          pool,
          'refreshInventory',
          { organizationId: 'org-1', groupIds: [] },
          { timeoutMs: 30_000 },
        );
      await serveQuestion(messaging, 'good', 'refreshInventory', async ({ organizationId }) => {
        expect(organizationId).toBe('org-1');
        return { mailboxes: 3, gone: 0 };
      });
      await serveQuestion(messaging, 'bad', 'refreshInventory', async () => ({ mailboxes: 'many' }) as never);
      expect(await ask('good')).toEqual({ mailboxes: 3, gone: 0 });
      await expect(ask('bad')).rejects.toMatchObject({ code: 'wrong-answer', errorClass: 'ours' });
      const wrong = { organizationId: 'not an id!', groupIds: [] };
      await expect(
        askQuestion(messaging, 'good', 'refreshInventory', wrong, { timeoutMs: 30_000 }),
      ).rejects.toMatchObject({ code: 'wrong-request' });
    });
  });
}
