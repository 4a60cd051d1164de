import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import { apiBase } from './apiBase.ts';
import { problemSchema } from './problem.ts';
import { rolesOf } from './roles.ts';
import type { ResponseSpec, Route } from './route.ts';

type JsonSchema = Record<string, unknown>;

export interface OpenApiOptions {
  version: string;
  /** Schemas that get a name in `components`. A name belongs to input or to output, not to both. */
  named: Readonly<Record<string, z.ZodType>>;
}

/** Makes JSON schemas and moves what is named into one place. */
function schemaWriter(named: OpenApiOptions['named']) {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id });
  const components: Record<string, JsonSchema> = {};

  function moveReferences(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(moveReferences);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, entry]) =>
        key === '$ref' && typeof entry === 'string'
          ? [key, entry.replace('#/$defs/', '#/components/schemas/')]
          : [key, moveReferences(entry)],
      ),
    );
  }

  function write(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
    const {
      $schema: _dialect,
      $defs,
      ...own
    } = z.toJSONSchema(schema, { metadata: registry, io }) as JsonSchema;
    for (const [name, definition] of Object.entries(($defs ?? {}) as Record<string, JsonSchema>)) {
      const { id: _id, ...rest } = definition;
      components[name] = moveReferences(rest) as JsonSchema;
    }
    return moveReferences(own) as JsonSchema;
  }
  return { write, components };
}

type Writer = ReturnType<typeof schemaWriter>;

function parametersOf(route: Route, writer: Writer): JsonSchema[] {
  const list: JsonSchema[] = [];
  for (const [place, shape] of [
    ['path', route.params.shape],
    ['query', route.query.shape],
  ] as const) {
    for (const [name, schema] of Object.entries(shape) as [string, z.ZodType][]) {
      const description = schema.meta()?.description;
      const required = place === 'path' || !schema.safeParse(undefined).success;
      list.push({
        name,
        in: place,
        required,
        ...(description === undefined ? {} : { description }),
        // As it is sent: what a route makes of it does not show.
        schema: writer.write(schema, 'input'),
      });
    }
  }
  for (const { name, description, required } of route.headers ?? []) {
    list.push({ name, in: 'header', required, description, schema: { type: 'string' } });
  }
  return list;
}

function responseOf(spec: ResponseSpec, writer: Writer): JsonSchema {
  const content =
    spec.schema === undefined
      ? spec.contentType && { [spec.contentType]: { schema: { type: 'string' } } }
      : { 'application/json': { schema: writer.write(spec.schema, 'output') } };
  const headers =
    spec.headers &&
    Object.fromEntries(
      Object.entries(spec.headers).map(([name, description]) => [
        name,
        { description, schema: { type: 'string' } },
      ]),
    );
  return {
    description: spec.description,
    ...(headers ? { headers } : {}),
    ...(content ? { content } : {}),
  };
}

function operationOf(route: Route, writer: Writer): JsonSchema {
  const responses: Record<string, JsonSchema> = {};
  for (const [status, spec] of Object.entries(route.responses)) {
    const described = spec.description || STATUS_CODES[status] || status;
    responses[status] = responseOf({ ...spec, description: described }, writer);
  }
  responses.default = { $ref: '#/components/responses/Problem' };
  const parameters = parametersOf(route, writer);
  return {
    operationId: route.operationId,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    ...(route.open === true ? { security: [] } : { 'x-roles': rolesOf(route) }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: route.bodyOptional !== true,
            content: { 'application/json': { schema: writer.write(route.body, 'input') } },
          },
        }),
    responses,
  };
}

/** The OpenAPI 3.1 document of the routes. */
export function openApiDocument(routes: readonly Route[], options: OpenApiOptions): JsonSchema {
  const writer = schemaWriter({ ...options.named, Problem: problemSchema });
  const paths: Record<string, JsonSchema> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method]: operationOf(route, writer) };
  }
  const problem = writer.write(problemSchema, 'output');
  return {
    openapi: '3.1.0',
    info: {
      title: 'Holdfast',
      version: options.version,
      description: 'Backup and restore for Exchange mailboxes. Lists are paged; problems follow RFC 9457.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: apiBase }],
    security: [{ token: [] }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      responses: {
        Problem: {
          description: 'What went wrong and what to do about it',
          content: { 'application/problem+json': { schema: problem } },
        },
      },
      schemas: writer.components,
    },
  };
}
