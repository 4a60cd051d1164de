import { type Role, roles } from '@holdfast/contracts';
import { HttpProblem } from '../errors.ts';
import type { Caller, Route } from './route.ts';

interface Rights {
  /** Who may call the GET routes of a tag, besides administrators. */
  read: readonly Role[];
  /** Who may call its other routes. */
  write: readonly Role[];
}

const nobody: Rights = { read: [], write: [] };
const watching: Rights = { read: ['operator', 'viewer'], write: [] };
const operating: Rights = { read: ['operator', 'viewer'], write: ['operator'] };
/** What mail says, and where it goes back to: not for those who only watch. */
const restoring: Rights = {
  read: ['operator', 'restore-operator'],
  write: ['operator', 'restore-operator'],
};
/** Names that a restore begins with. */
const naming: Rights = { read: ['operator', 'viewer', 'restore-operator'], write: [] };

/** By the tag of a route. A tag that is not here is for administrators alone. */
const rightsOf: Readonly<Record<string, Rights>> = {
  organizations: naming,
  mailboxes: naming,
  repositories: naming,
  'restore points': restoring,
  explore: restoring,
  search: restoring,
  catalog: restoring,
  restores: restoring,
  exports: restoring,
  jobs: operating,
  schedules: operating,
  runs: operating,
  proxies: operating,
  pools: operating,
  retention: operating,
  alerts: operating,
  notifications: watching,
  events: watching,
  settings: watching,
  webhooks: nobody,
  tokens: nobody,
  system: { read: ['operator', 'restore-operator', 'viewer'], write: [] },
};

/** The roles that may call a route: those it names itself, else those of its tag. Open routes ask for nothing. */
export function rolesOf(route: Pick<Route, 'roles' | 'tag' | 'method' | 'open'>): readonly Role[] {
  if (route.open === true) return roles;
  const rights = rightsOf[route.tag] ?? nobody;
  const others = route.roles ?? (route.method === 'get' ? rights.read : rights.write);
  return roles.filter((role) => role === 'administrator' || others.includes(role));
}

/** @throws HttpProblem 403 */
export function requireRole(route: Route, caller: Pick<Caller, 'role'> | undefined): void {
  if (route.open === true) return;
  const allowed = rolesOf(route);
  if (caller !== undefined && allowed.includes(caller.role)) return;
  throw new HttpProblem(403, 'role-not-allowed', `this needs the role ${allowed.join(' or ')}`, {
    remedy: `The token has the role ${caller?.role ?? 'none'}. Use another token, or ask an administrator for one.`,
  });
}
