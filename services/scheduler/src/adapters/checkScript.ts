import { access, constants, realpath, stat } from 'node:fs/promises';
import { sep } from 'node:path';
import type { FieldProblem, Script } from '@holdfast/contracts';

/** Which programs may run. */
export interface ScriptRules {
  /** Scripts lie here or below; none may run when absent. */
  folder: string | undefined;
  /** Programs that may read a script, by absolute path. */
  interpreters: readonly string[];
}

export type CheckedScript = { command: string; args: string[] } | { problems: FieldProblem[] };

const problem = (field: string, message: string) => ({ problems: [{ field, message }] });

/**
 * Whether a script may be started, and how. Links are followed before anything is decided, so that none leads out of
 * the folder; what is answered names the real files.
 */
export async function checkScript(rules: ScriptRules, script: Script): Promise<CheckedScript> {
  const { folder, interpreters } = rules;
  if (folder === undefined) {
    const message =
      'scripts are not allowed here: set HOLDFAST_SCRIPTS_DIR of the scheduler to the folder they may lie in';
    return problem('path', message);
  }
  const home = await realpath(folder).catch(() => undefined);
  if (home === undefined)
    return problem('path', `the folder of scripts (${folder}) cannot be read by the scheduler`);
  const file = await realpath(script.path).catch(() => undefined);
  if (file === undefined) return problem('path', 'is not there, or the scheduler may not read it');
  if (!file.startsWith(home + sep)) {
    return problem('path', `must lie in ${folder} (HOLDFAST_SCRIPTS_DIR), also where links lead to`);
  }
  const facts = await stat(file);
  if (!facts.isFile()) return problem('path', 'is not a file');
  if ((facts.mode & 0o002) !== 0)
    return problem('path', 'may be changed by everybody on the machine: chmod o-w');
  if (script.interpreter === undefined) {
    const isExecutable = await mayAccess(file, constants.X_OK);
    if (!isExecutable) return problem('path', 'is not executable: chmod +x, or name an interpreter');
    return { command: file, args: script.arguments };
  }
  if (!interpreters.includes(script.interpreter)) {
    const known = interpreters.length === 0 ? 'none are' : `allowed: ${interpreters.join(', ')}`;
    return problem('interpreter', `is not among HOLDFAST_SCRIPT_INTERPRETERS of the scheduler; ${known}`);
  }
  if (!(await mayAccess(script.interpreter, constants.X_OK))) {
    return problem('interpreter', 'is not there on the machine of the scheduler, or not executable');
  }
  if (!(await mayAccess(file, constants.R_OK))) return problem('path', 'may not be read by the scheduler');
  return { command: script.interpreter, args: [file, ...script.arguments] };
}

async function mayAccess(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
