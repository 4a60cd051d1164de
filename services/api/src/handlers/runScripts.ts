import { idSchema, scriptPhases, scriptRecordIdOf, scriptRecordSchema } from '@holdfast/contracts';
import { z } from 'zod';
import { pageOf } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import type { ApiPorts } from '../ports.ts';
import { lookUp } from './lookUp.ts';

const list = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/runs/{runId}/scripts',
    operationId: 'listRunScripts',
    tag: 'runs',
    summary: 'Show the scripts of a run: what became of each and the end of what it wrote',
    params: z.object({ runId: idSchema }),
    responses: { 200: { description: 'Before the run, then after it', schema: pageOf(scriptRecordSchema) } },
    async handler({ params: { runId } }) {
      await lookUp(ports.collections.runs, 'run', runId);
      const found = await Promise.all(
        scriptPhases.map((phase) => ports.collections.runScripts.get(scriptRecordIdOf(runId, phase))),
      );
      return { body: { items: found.flatMap((stored) => (stored === undefined ? [] : [stored.doc])) } };
    },
  });

export const runScriptRoutes = (ports: ApiPorts): Route[] => [list(ports)];
