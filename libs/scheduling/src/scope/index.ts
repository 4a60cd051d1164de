export { globMatches } from './globMatches.ts';
export { addressKey } from './matchMailboxes.ts';
export {
  type OutEntry,
  resolveScope,
  type Scope,
  type ScopeEntry,
  type ScopeInput,
} from './resolveScope.ts';
export { type Member, scopeChange } from './scopeChange.ts';
export { namedGroups, type ScopeNeeds, type ScopePolicy, scopeNeeds } from './scopeNeeds.ts';
