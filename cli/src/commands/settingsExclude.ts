import { type Exclusions, noExclusions } from '@holdfast/contracts';
import type { Command } from 'commander';
import { act, type Context, type Runner } from '../context.ts';
import { UsageError } from '../errors.ts';
import { exclusionFacts, exclusionFlags, exclusionsOf } from './jobScope.ts';

type ExcludeOptions = Parameters<typeof exclusionsOf>[0] & { none?: boolean };

/** Shows what no job backs up, or changes the kinds that are given and keeps the others. */
async function exclude(
  { client, screen }: Context,
  _args: string[],
  options: ExcludeOptions,
): Promise<undefined> {
  const given = exclusionsOf(options);
  if (options.none === true && given !== undefined) throw new UsageError('--none means nothing at all');
  let { exclude: now = noExclusions } = await client.get<{ exclude?: Exclusions }>('/settings');
  if (options.none === true || given !== undefined) {
    const body = options.none === true ? noExclusions : { ...now, ...given };
    ({ exclude: now = noExclusions } = await client.send<{ exclude?: Exclusions }>(
      'PUT',
      '/settings/exclude',
      body,
    ));
  }
  if (screen.json) return screen.document(now);
  const facts = exclusionFacts(now).filter(([, text]) => text !== '');
  if (facts.length === 0) screen.line('Jobs leave nothing out but what they exclude themselves.');
  else screen.facts(facts);
}

export function excludeCommand(runner: Runner, settings: Command): void {
  const excluding = settings
    .command('exclude')
    .description('show what no job backs up, or change what is given')
    .option('--none', 'nothing');
  act(runner, exclusionFlags(excluding), exclude);
}
