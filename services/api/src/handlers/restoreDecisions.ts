import { hasRestoreEnded, type RestoreSession, restoreSessionSchema } from '@holdfast/contracts';
import { modify, type Stored } from '@holdfast/store';
import { z } from 'zod';
import { Conflict } from '../errors.ts';
import { type Route, route } from '../http/route.ts';
import type { ApiPorts } from '../ports.ts';
import { announce } from './announcements.ts';
import { lookUp } from './lookUp.ts';
import { offerRestore, sessionParams } from './restoreRequests.ts';

const tag = 'restores';
const params = z.object(sessionParams);

/** Changes a session, or says why it cannot be changed; `decide` throws the Conflict. */
async function change(
  ports: ApiPorts,
  sessionId: string,
  decide: (session: RestoreSession) => RestoreSession,
): Promise<Stored<RestoreSession>> {
  const { restoreSessions } = ports.collections;
  const found = await lookUp(restoreSessions, 'restore session', sessionId);
  return (await modify(restoreSessions, sessionId, decide)) ?? found;
}

async function tell(
  ports: ApiPorts,
  { doc, version }: Stored<RestoreSession>,
  what: 'pause-requested' | 'resumed' | 'cancel-requested',
  by: string,
): Promise<void> {
  await announce(ports, 'restore.changed', doc.id, `${doc.id}.${version}`, {
    ...{ sessionId: doc.id, organizationId: doc.organizationId, mailboxId: doc.mailboxId },
    ...{ change: what, requestedBy: by },
  });
}

const approve = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/restores/{sessionId}/approve',
    operationId: 'approveRestore',
    tag,
    summary: 'Let a planned restore be carried out',
    description:
      '`confirm` is the digest of the plan that was looked at: another plan is not approved with it. What changes in the target until an item is reached follows the conflict policy and is noted in the ledger.',
    params,
    body: z.strictObject({ confirm: z.string().min(1, 'must be the digest of the plan') }),
    responses: { 202: { description: 'Going on', schema: restoreSessionSchema } },
    async handler({ params: { sessionId }, body: { confirm }, caller }) {
      const approvedAt = new Date(ports.clock.now()).toISOString();
      const stored = await change(ports, sessionId, (session) => {
        refuseUnless(
          session.state === 'planned' && !session.cancelRequested,
          session,
          'Only a planned one is approved.',
        );
        if (session.plan?.digest !== confirm) throw otherPlan();
        return { ...session, state: 'approved', approvedBy: caller.name, approvedAt };
      });
      const { doc } = stored;
      await announce(ports, 'restore.approved', doc.id, `${doc.id}.${confirm}`, {
        ...{ sessionId, organizationId: doc.organizationId, mailboxId: doc.mailboxId },
        ...{ digest: confirm, approvedBy: caller.name },
      });
      void offerRestore(ports, doc, `approved-${stored.version}`);
      return { body: doc };
    },
  });

const otherPlan = () =>
  new Conflict(
    'other-plan',
    'the digest is not that of the plan',
    'Look at the plan again and confirm it by the digest that the session shows now.',
  );

function refuseUnless(holds: boolean, { state }: RestoreSession, remedy: string): void {
  if (!holds) throw new Conflict('restore-state', `the restore is ${state}`, remedy);
}

const pause = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/restores/{sessionId}/pause',
    operationId: 'pauseRestore',
    tag,
    summary: 'Pause a restore after the items in hand; what was put back stays',
    params,
    responses: { 202: { description: 'Pausing', schema: restoreSessionSchema } },
    async handler({ params: { sessionId }, caller }) {
      const stored = await change(ports, sessionId, (session) => {
        const atWork = session.state === 'running' || session.state === 'approved';
        refuseUnless(atWork, session, 'Only a restore at work can be paused.');
        return { ...session, pauseRequested: true };
      });
      await tell(ports, stored, 'pause-requested', caller.name);
      return { body: stored.doc };
    },
  });

const resume = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/restores/{sessionId}/resume',
    operationId: 'resumeRestore',
    tag,
    summary: 'Go on with a paused restore',
    params,
    responses: { 202: { description: 'Going on', schema: restoreSessionSchema } },
    async handler({ params: { sessionId }, caller }) {
      const stored = await change(ports, sessionId, (session) => {
        // A request to pause that no worker has seen yet is taken back.
        if (session.pauseRequested && !hasRestoreEnded(session)) return { ...session, pauseRequested: false };
        refuseUnless(session.state === 'paused', session, 'Only a paused restore can go on.');
        return { ...session, state: 'approved' };
      });
      await tell(ports, stored, 'resumed', caller.name);
      void offerRestore(ports, stored.doc, `resumed-${stored.version}`);
      return { body: stored.doc };
    },
  });

const cancel = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/restores/{sessionId}/cancel',
    operationId: 'cancelRestore',
    tag,
    summary: 'End a restore after the items in hand; what was put back stays',
    params,
    responses: { 202: { description: 'Ending', schema: restoreSessionSchema } },
    async handler({ params: { sessionId }, caller }) {
      const stored = await change(ports, sessionId, (session) => {
        if (!hasRestoreEnded(session)) return { ...session, cancelRequested: true };
        throw new Conflict(
          'restore-ended',
          `the restore is ${session.state}`,
          'Only a restore that has not ended can be cancelled.',
        );
      });
      await tell(ports, stored, 'cancel-requested', caller.name);
      // One that waits for a person is in no worker's hands.
      void offerRestore(ports, stored.doc, `cancelled-${stored.version}`);
      return { body: stored.doc };
    },
  });

export const restoreDecisionRoutes = (ports: ApiPorts): Route[] =>
  [approve, pause, resume, cancel].map((make) => make(ports));
