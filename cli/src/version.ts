import { createRequire } from 'node:module';

/** Of this Holdfast. */
export const version: string = createRequire(import.meta.url)('../package.json').version;
