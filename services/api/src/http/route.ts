import type { Role } from '@holdfast/contracts';
import type { Request, Response } from 'express';
import { z } from 'zod';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** Who calls: the token that was shown. */
export interface Caller {
  tokenId: string;
  name: string;
  role: Role;
}

/** One call of a route, checked. */
export interface Call<P, Q, B> {
  params: P;
  query: Q;
  body: B;
  caller: Caller;
  requestId: string;
  /** A request header by its lower-case name. */
  header(name: string): string | undefined;
}

/** What a handler gives back: a body that the route's schema filters, or a writer of a stream. */
export type Reply =
  | { status?: number; body?: unknown; headers?: Readonly<Record<string, string>> }
  | { stream: (request: Request, response: Response) => Promise<void> };

export interface ResponseSpec {
  description: string;
  /** JSON body; what the schema does not name never leaves. */
  schema?: z.ZodType;
  /** Media type of a body that is no JSON. */
  contentType?: string;
  /** Response headers worth telling. */
  headers?: Readonly<Record<string, string>>;
}

export interface HeaderSpec {
  name: string;
  description: string;
  required: boolean;
}

interface Facts {
  method: Method;
  /** OpenAPI notation below /api/v1: `/jobs/{jobId}`. */
  path: string;
  operationId: string;
  tag: string;
  summary: string;
  description?: string;
  /** True when no token is needed. */
  open?: boolean;
  /** Who may call it besides administrators, where the rights of its tag do not fit (`roles.ts`). */
  roles?: readonly Role[];
  /** A GET that hands out mail, so that it is in the audit log as changes are. */
  audited?: boolean;
  /** A body that may be left out. */
  bodyOptional?: boolean;
  bodyLimitBytes?: number;
  /** Request headers that the route understands. */
  headers?: readonly HeaderSpec[];
  /** By status; the first success is what a reply without status means. */
  responses: Readonly<Record<number, ResponseSpec>>;
}

/** A route as data: routing, checking and the OpenAPI document are made from it. */
export interface Route extends Facts {
  params: z.ZodObject;
  query: z.ZodObject;
  body: z.ZodType | undefined;
  handler: (call: Call<unknown, unknown, unknown>) => Promise<Reply>;
}

type Empty = z.ZodObject<Record<never, never>>;

/** Declares a route; the handler's arguments are typed by its schemas. */
export function route<
  P extends z.ZodObject = Empty,
  Q extends z.ZodObject = Empty,
  B extends z.ZodType = z.ZodUndefined,
>(
  spec: Facts & {
    params?: P;
    query?: Q;
    body?: B;
    handler: (call: Call<z.output<P>, z.output<Q>, z.output<B>>) => Promise<Reply>;
  },
): Route {
  return {
    ...spec,
    params: spec.params ?? z.strictObject({}),
    query: spec.query ?? z.strictObject({}),
    body: spec.body,
    handler: spec.handler as Route['handler'],
  };
}

/** The status of a reply that names none: the route's first success. */
export function successStatus(of: Pick<Facts, 'responses'>): number {
  const status = Object.keys(of.responses)
    .map(Number)
    .find((code) => code < 300);
  if (status === undefined) throw new TypeError('a route needs a success response');
  return status;
}
