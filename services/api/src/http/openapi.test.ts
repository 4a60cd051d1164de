import { serveQuestion } from '@holdfast/messaging';
import {
  buildJob,
  buildMailbox,
  buildOrganization,
  buildRepository,
  buildRestoreSession,
  buildRun,
  buildRunTask,
} from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { startTestApi, type TestApi } from '../testing/startTestApi.ts';

interface Operation {
  operationId: string;
  summary: string;
  parameters?: { name: string; in: string; required: boolean }[];
  requestBody?: { content: Record<string, { schema: object }> };
  responses: Record<string, { $ref?: string; content?: Record<string, { schema: object }> }>;
  security?: unknown[];
}

interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object>; responses: Record<string, object> };
}

let api: TestApi;
let document: Document;
const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

beforeAll(async () => {
  api = await startTestApi();
  document = (await api.call('GET', '/openapi.json', { token: null })).body;
  await api.insert('organizations', buildOrganization());
  await api.insert('repositories', buildRepository());
  await api.insert('jobs', buildJob());
  await api.insert('runs', buildRun());
  await api.insert('runTasks', buildRunTask());
  await api.insert('mailboxes', buildMailbox({ id: 'mbx-1' }));
  await api.insert('restoreSessions', buildRestoreSession());
  await api.insert('restoreSessions', buildRestoreSession({ id: 'export-1', kind: 'export' }));
  // Stopped with the broker of the API.
  await serveQuestion(api.messaging, 'default', 'findGroups', async () => ({
    groups: [{ groupId: 'g1', displayName: 'Sales' }],
  }));
  await serveQuestion(api.messaging, 'default', 'describeRepository', async () => ({
    ...{ repositoryId: 'engine-1', format: 1, createdAt: '2026-01-02T03:04:05.000Z', slots: [] },
  }));
  await serveQuestion(api.messaging, 'default', 'exportFiles', async () => ({
    files: [{ name: '0001.zip', bytes: 5 }],
  }));
});
afterAll(() => api.stop());

function references(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(references);
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, entry]) =>
    key === '$ref' && typeof entry === 'string' ? [entry] : references(entry),
  );
}

/** A checker made from the document alone: what a foreign client would make of it. */
function checkerOf(schema: object): z.ZodType {
  const text = JSON.stringify({ ...schema, $defs: document.components.schemas });
  return z.fromJSONSchema(JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/')));
}

describe('the OpenAPI document', () => {
  test('can be read without a token and is version 3.1', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(operations().length).toBeGreaterThan(40);
  });

  test('has no reference that leads nowhere, and no schema that nobody uses', () => {
    const all = references(document);
    const used = new Set(all);
    for (const reference of used) {
      const [, kind, group, name] = reference.split('/') as [
        string,
        'components',
        'schemas' | 'responses',
        string,
      ];
      expect(document[kind][group]).toHaveProperty([name]);
    }
    for (const name of Object.keys(document.components.schemas)) {
      expect(used).toContain(`#/components/schemas/${name}`);
    }
  });

  test('names each operation once, declares each path parameter, and describes success and failure', () => {
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, operation } of operations()) {
      const placeholders = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();
      const declared = (operation.parameters ?? []).filter((entry) => entry.in === 'path');
      expect(declared.map(({ name }) => name).sort()).toEqual(placeholders);
      expect(declared.every(({ required }) => required)).toBe(true);
      expect(Object.keys(operation.responses).some((status) => Number(status) < 300)).toBe(true);
      expect(operation.responses.default).toEqual({ $ref: '#/components/responses/Problem' });
      expect(operation.summary.length).toBeGreaterThan(5);
    }
  });

  test('pages every list and says what may be left out', () => {
    const list = document.paths['/runs']?.get;
    const parameters = Object.fromEntries(
      (list?.parameters ?? []).map((entry) => [entry.name, entry.required]),
    );
    expect(parameters).toEqual({ limit: false, after: false, state: false, jobId: false });
    const input = document.components.schemas.JobInput as { required: string[] };
    expect(input.required.sort()).toEqual(['name', 'organizationId', 'repositoryId', 'sources']);
  });

  test('says that only the document itself needs no token, and the server agrees', async () => {
    for (const { path, method, operation } of operations()) {
      if (operation.security !== undefined) expect(path).toBe('/openapi.json');
      else {
        const concrete = path.replaceAll(/\{\w+\}/g, 'x');
        const answer = await fetch(`${api.url}/api/v1${concrete}`, { method: method.toUpperCase() });
        expect([path, answer.status]).toEqual([path, answer.status === 429 ? 429 : 401]);
        await answer.text();
      }
    }
    await api.clock.advance(61_000);
  });

  test('is kept to by the answers of the server', async () => {
    const values: Record<string, string> = {
      organizationId: 'org-1',
      repositoryId: 'repo-1',
      jobId: 'job-1',
      runId: 'run-1',
      mailboxId: 'mbx-1',
      sessionId: 'restore-1',
    };
    const checked: string[] = [];
    for (const { path, method, operation } of operations()) {
      const schema = operation.responses['200']?.content?.['application/json']?.schema;
      const own = path.startsWith('/exports/') ? { ...values, sessionId: 'export-1' } : values;
      const concrete = path.replaceAll(/\{(\w+)\}/g, (whole, name: string) => own[name] ?? whole);
      if (method !== 'get' || schema === undefined || concrete.includes('{')) continue;
      const answer = await api.call('GET', concrete);
      // What only a worker can answer is tested where there is one.
      if (answer.body?.code === 'no-proxy-online') continue;
      expect([path, answer.status]).toEqual([path, 200]);
      const result = checkerOf(schema).safeParse(answer.body);
      expect([path, result.error?.issues ?? []]).toEqual([path, []]);
      checked.push(path);
    }
    expect(checked.length).toBeGreaterThan(20);
    const problem = await api.call('GET', '/jobs/nothing');
    const response = document.components.responses.Problem as { content: Record<string, { schema: object }> };
    const schema = response.content['application/problem+json']?.schema ?? {};
    expect(checkerOf(schema).safeParse(problem.body).error).toBeUndefined();
    expect(checkerOf(schema).safeParse({ status: 404 }).success).toBe(false);
  });
});
