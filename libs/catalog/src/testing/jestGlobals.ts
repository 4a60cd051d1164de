/**
 * The test functions from the global scope, which jest fills: `@jest/globals` refuses to be loaded outside of jest,
 * and the rest of this door is of use there too.
 */
export const jestGlobals = (): typeof import('@jest/globals') =>
  globalThis as unknown as typeof import('@jest/globals');
