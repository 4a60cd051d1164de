import { type FieldProblem, InvalidInput } from '@holdfast/contracts';
import type { z } from 'zod';

/**
 * Reads a service's settings. The keys of the schema are the names of the environment variables; an empty variable
 * counts as not set. Give a field an example with `.meta({ examples: ['...'] })`: it is shown when the field is wrong.
 *
 * @throws InvalidInput naming every wrong setting at once, never its value (it may be a secret).
 */
export function loadConfig<S extends z.ZodObject>(schema: S, env: NodeJS.ProcessEnv): z.output<S> {
  const given: Record<string, string> = {};
  for (const name of Object.keys(schema.shape)) {
    const value = env[name];
    if (value !== undefined && value.trim() !== '') given[name] = value.trim();
  }
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const problems = new Map<string, FieldProblem>();
  for (const issue of parsed.error.issues) {
    const name = String(issue.path[0] ?? 'settings');
    if (problems.has(name)) continue;
    const what = name in schema.shape && !(name in given) ? 'is not set' : issue.message;
    problems.set(name, { field: name, message: `${what}${exampleOf(schema, name)}` });
  }
  throw new InvalidInput([...problems.values()]);
}

function exampleOf(schema: z.ZodObject, name: string): string {
  const field = schema.shape[name] as z.ZodType | undefined;
  const example = field?.meta()?.examples;
  return Array.isArray(example) && example.length > 0 ? ` (example: ${name}=${String(example[0])})` : '';
}
