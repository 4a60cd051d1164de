import { pointIdOf, retentionSchema } from '@holdfast/contracts';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type JobPolicies, type MailboxPlanInput, type OwnedPoint, planMailbox } from './planMailbox.ts';

const hour = 3_600_000;
const mailboxId = 'mbx-1';
const point = (runId: string, hours: number, given: Partial<OwnedPoint> = {}): OwnedPoint => ({
  name: `points/${runId}.${given.kind ?? 'full'}.${hours}`,
  pointId: given.kind === 'checkpoint' ? `checkpoint-${runId}-${hours}` : pointIdOf(runId, mailboxId),
  kind: 'full',
  timeMs: hours * hour,
  jobId: 'job-1',
  runId,
  ...given,
});
const checkpoint = (runId: string, hours: number): OwnedPoint => point(runId, hours, { kind: 'checkpoint' });
const keeping = (keepLast: number, schedules: Record<string, number> = {}): JobPolicies => ({
  job: retentionSchema.parse({ keepLast }),
  schedules: new Map(
    Object.entries(schedules).map(([id, ofSchedule]) => [
      id,
      retentionSchema.parse({ keepLast: ofSchedule }),
    ]),
  ),
});
const plan = (points: OwnedPoint[], given: Partial<MailboxPlanInput<OwnedPoint>> = {}): string[] =>
  planMailbox({
    mailboxId,
    points,
    policies: new Map([['job-1', keeping(2)]]),
    nowMs: 100 * hour,
    ...given,
  }).map(({ point: { name }, keep }) => `${keep ? 'keep' : 'drop'} ${name.slice('points/'.length)}`);

describe('the plan for a mailbox', () => {
  test('keeps the newest of each job under its own policy', () => {
    const points = [
      point('a1', 1),
      point('a2', 2),
      point('a3', 3),
      point('b1', 1.5, { jobId: 'job-2' }),
      point('b2', 2.5, { jobId: 'job-2' }),
    ];
    const policies = new Map([
      ['job-1', keeping(2)],
      ['job-2', keeping(1)],
    ]);
    expect(plan(points, { policies })).toEqual([
      'keep a3.full.3',
      'keep b2.full.2.5',
      'keep a2.full.2',
      'drop b1.full.1.5',
      'drop a1.full.1',
    ]);
  });

  test('judges the points of a schedule with a policy of its own by themselves', () => {
    const points = [1, 2, 3, 4, 5, 6].map((hours) =>
      point(`a${hours}`, hours, { scheduleId: hours % 2 === 0 ? 'own' : 'other' }),
    );
    const policies = new Map([['job-1', keeping(1, { own: 2 })]]);
    expect(plan(points, { policies })).toEqual([
      'keep a6.full.6',
      'keep a5.full.5',
      'keep a4.full.4',
      'drop a3.full.3',
      'drop a2.full.2',
      'drop a1.full.1',
    ]);
  });

  test('puts the points of a schedule that is gone, or has no policy, under that of the job', () => {
    const points = [1, 2, 3].map((hours) => point(`a${hours}`, hours, { scheduleId: `s${hours}` }));
    expect(plan(points)).toEqual(['keep a3.full.3', 'keep a2.full.2', 'drop a1.full.1']);
  });

  test('keeps every point of a job that was deleted', () => {
    expect(plan([point('x1', 1, { jobId: 'gone' }), point('x2', 2, { jobId: 'gone' })])).toEqual([
      'keep x2.full.2',
      'keep x1.full.1',
    ]);
  });

  test('keeps a point that a running restore uses, and goes on counting without it', () => {
    const points = [point('a1', 1), point('a2', 2), point('a3', 3), point('a4', 4)];
    const heldBecause = ({ name }: OwnedPoint) =>
      name === 'points/a1.full.1' ? 'in use by restore-1' : undefined;
    expect(plan(points, { heldBecause })).toEqual([
      'keep a4.full.4',
      'keep a3.full.3',
      'drop a2.full.2',
      'keep a1.full.1',
    ]);
  });

  test('drops the checkpoints of a run that has its complete point, though they were written later than its time', () => {
    expect(plan([point('a1', 1), checkpoint('a1', 1.2), checkpoint('a1', 1.4)])).toEqual([
      'drop a1.checkpoint.1.4',
      'drop a1.checkpoint.1.2',
      'keep a1.full.1',
    ]);
  });

  test('keeps the checkpoints of a run that is not complete', () => {
    expect(plan([point('a1', 1), checkpoint('a2', 2.2), checkpoint('a2', 2.4)])).toEqual([
      'keep a2.checkpoint.2.4',
      'keep a2.checkpoint.2.2',
      'keep a1.full.1',
    ]);
  });

  test('drops the checkpoint of a broken run once a later run is complete, of whatever job', () => {
    expect(plan([checkpoint('a1', 1.2), point('b1', 3, { jobId: 'job-2' })])).toEqual([
      'keep b1.full.3',
      'drop a1.checkpoint.1.2',
    ]);
  });
});

describe('for any history of a mailbox', () => {
  const histories = fc
    .uniqueArray(
      fc.record({
        run: fc.integer({ min: 1, max: 12 }),
        isFull: fc.boolean(),
        hours: fc.integer({ min: 0, max: 60 }),
        jobId: fc.constantFrom('job-1', 'job-2', 'gone'),
      }),
      { selector: ({ run, isFull, hours }) => (isFull ? `full ${run}` : `${run} ${hours}`), maxLength: 25 },
    )
    .map((rows) =>
      rows.map(({ run, isFull, hours, jobId }) =>
        isFull ? point(`r${run}`, hours, { jobId }) : { ...checkpoint(`r${run}`, hours), jobId },
      ),
    );
  const policies = fc.record({ one: fc.integer({ min: 1, max: 5 }), two: fc.integer({ min: 1, max: 5 }) });

  test('P5: the newest complete point stays, held points stay, and a second plan drops nothing more', () => {
    fc.assert(
      fc.property(histories, policies, fc.integer({ min: 0, max: 30 }), (points, { one, two }, held) => {
        const inUse = new Map(points.slice(held, held + 1).map(({ name }) => [name, 'held']));
        const policies = new Map([
          ['job-1', keeping(one)],
          ['job-2', keeping(two)],
        ]);
        const rest = {
          ...{ mailboxId, policies, nowMs: 100 * hour },
          heldBecause: ({ name }: OwnedPoint) => inUse.get(name),
        };
        const decisions = planMailbox({ points, ...rest });
        expect(decisions.map((decision) => decision.point.name).sort()).toEqual(
          points.map(({ name }) => name).sort(),
        );
        const newest = decisions.find((decision) => decision.point.kind === 'full');
        if (newest !== undefined) expect(newest.keep).toBe(true);
        for (const decision of decisions)
          if (inUse.has(decision.point.name)) expect(decision.keep).toBe(true);
        const left = decisions.filter(({ keep }) => keep).map((decision) => decision.point);
        const again = planMailbox({ points: left, ...rest });
        expect(again.filter(({ keep }) => !keep)).toEqual([]);
      }),
    );
  });
});
