import { roles } from '@holdfast/contracts';
import { z } from 'zod';
import { openApiDocument } from '../http/openapi.ts';
import { type Route, route } from '../http/route.ts';
import type { ApiPorts } from '../ports.ts';

const tag = 'system';

const version = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/version',
    operationId: 'getVersion',
    tag,
    summary: 'The version of Holdfast',
    responses: {
      200: { description: 'The version', schema: z.object({ version: z.string(), api: z.literal('v1') }) },
    },
    async handler() {
      return { body: { version: ports.version, api: 'v1' } };
    },
  });

const whoami = (): Route =>
  route({
    method: 'get',
    path: '/whoami',
    operationId: 'whoAmI',
    tag,
    summary: 'Who the token belongs to, and its role',
    responses: {
      200: {
        description: 'The caller',
        schema: z.object({ tokenId: z.string(), name: z.string(), role: z.enum(roles) }),
      },
    },
    async handler({ caller }) {
      return { body: caller };
    },
  });

/** The document describes all routes, itself included; it is made once, when the routes are complete. */
function openapi(
  all: () => readonly Route[],
  named: Readonly<Record<string, z.ZodType>>,
  ports: ApiPorts,
): Route {
  let document: object | undefined;
  return route({
    method: 'get',
    path: '/openapi.json',
    operationId: 'getOpenApi',
    tag,
    summary: 'This description',
    open: true,
    responses: { 200: { description: 'OpenAPI 3.1', schema: z.looseObject({ openapi: z.string() }) } },
    async handler() {
      document ??= openApiDocument(all(), { version: ports.version, named });
      return { body: document };
    },
  });
}

export const systemRoutes = (
  ports: ApiPorts,
  all: () => readonly Route[],
  named: Readonly<Record<string, z.ZodType>>,
): Route[] => [version(ports), whoami(), openapi(all, named, ports)];
