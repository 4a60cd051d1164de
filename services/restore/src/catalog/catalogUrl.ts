import { dirname, join } from 'node:path';

/**
 * Where the catalog is: as the setting says, else beside the control data (its folder, or its database). Undefined when
 * it is switched off.
 */
export function catalogUrlOf(setting: string | undefined, storeUrl: string): string | undefined {
  if (setting === 'off') return undefined;
  if (setting !== undefined) return setting;
  const sqlite = 'sqlite:';
  if (!storeUrl.startsWith(sqlite)) return storeUrl;
  return `${sqlite}${join(dirname(storeUrl.slice(sqlite.length)), 'catalog.db')}`;
}
