// One project per cost: `unit` needs nothing but the process, the others start servers and processes.
const base = {
  extensionsToTreatAsEsm: ['.ts'],
  testEnvironment: 'node',
  setupFiles: ['<rootDir>/tests/nativeErrors.mjs'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } },
    ],
  },
};
const suite = (name) => ({ ...base, displayName: name, testMatch: [`<rootDir>/tests/${name}/**/*.test.ts`] });

export default {
  // No test is decided by its time: the limit only ends what hangs, also on a machine that does other work.
  testTimeout: 60_000,
  projects: [
    {
      ...base,
      displayName: 'unit',
      testMatch: ['libs', 'services', 'cli', 'tools'].map((folder) => `<rootDir>/${folder}/**/*.test.ts`),
    },
    ...['contract', 'e2e', 'faults', 'model', 'compat', 'bench'].map(suite),
  ],
};
