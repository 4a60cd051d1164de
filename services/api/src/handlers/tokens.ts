import { idSchema, newId, roles, type Token } from '@holdfast/contracts';
import { z } from 'zod';
import { hashToken, newToken } from '../domain/tokens.ts';
import { Conflict } from '../errors.ts';
import { afterOf, listBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import type { SignIn } from '../http/signIn.ts';
import { newTokenView, tokenView } from '../http/views.ts';
import type { ApiPorts } from '../ports.ts';
import { lookUp } from './lookUp.ts';

const tag = 'tokens';

const add = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/tokens',
    operationId: 'addToken',
    tag,
    summary: 'Make a token; it is shown in this answer and never again',
    description:
      'An operator does everything but administration; a restore operator explores restore points and restores; a viewer looks at jobs, runs and their results, never at mail.',
    body: z.strictObject({
      name: z.string().min(1).max(120),
      role: z.enum(roles).default('administrator'),
    }),
    responses: { 201: { description: 'Keep it safe', schema: newTokenView } },
    async handler({ body: { name, role } }) {
      const token = newToken();
      const createdAt = new Date(ports.clock.now()).toISOString();
      const record: Token = { id: newId('token'), name, role, hash: hashToken(token), createdAt };
      await ports.collections.tokens.insert(record);
      return { body: { ...record, token }, headers: { location: `tokens/${record.id}` } };
    },
  });

const list = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/tokens',
    operationId: 'listTokens',
    tag,
    summary: 'List tokens by id, without the tokens themselves',
    query: z.strictObject(pageQuery),
    responses: { 200: { description: 'A page', schema: pageOf(tokenView) } },
    async handler({ query: { limit, after } }) {
      const page = await ports.collections.tokens.find({ limit, ...afterOf(after) });
      return { body: listBody(page, (doc) => doc) };
    },
  });

const remove = (ports: ApiPorts, signIn: SignIn): Route =>
  route({
    method: 'delete',
    path: '/tokens/{tokenId}',
    operationId: 'removeToken',
    tag,
    summary: 'Remove a token; it stops working at once (other API processes: within 5 seconds)',
    params: z.object({ tokenId: idSchema }),
    responses: { 204: { description: 'Removed' } },
    async handler({ params: { tokenId } }) {
      const { tokens } = ports.collections;
      const { doc } = await lookUp(tokens, 'token', tokenId);
      if (doc.role === 'administrator' && (await tokens.count({ role: doc.role })) === 1) {
        throw new Conflict(
          'last-token',
          'it is the last token of an administrator',
          'Make another one first, or nobody could make tokens any more.',
        );
      }
      await tokens.delete(tokenId);
      signIn.forget(tokenId);
      return {};
    },
  });

export const tokenRoutes = (ports: ApiPorts, signIn: SignIn): Route[] => [
  add(ports),
  list(ports),
  remove(ports, signIn),
];
