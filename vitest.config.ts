/** The test projects; `npm run check` runs the quick ones, `npm test` all that need no server. */

import { defineConfig } from 'vitest/config';

/** One project per kind of test: `check` runs unit and types, `npm test` adds properties, faults and e2e. */
function project(name: string, folders: readonly string[], testTimeout: number, globalSetup: string[] = []) {
  return {
    test: {
      name,
      include: folders.map((folder) => `tests/${folder}/**/*.test.ts`),
      testTimeout,
      hookTimeout: testTimeout,
      globalSetup,
      env: { NO_COLOR: '1' },
    },
  };
}

export default defineConfig({
  test: {
    projects: [
      project('unit', ['unit', 'contract', 'topology', 'issues'], 10_000),
      project('properties', ['properties'], 120_000),
      project('faults', ['faults'], 120_000),
      project('e2e', ['e2e'], 180_000),
      project('data', ['data'], 300_000),
      project('integration', ['integration'], 120_000, ['tests/support/services/setup.ts']),
      {
        test: {
          name: 'types',
          include: [],
          typecheck: {
            enabled: true,
            only: true,
            include: ['tests/**/*.test-d.ts'],
            tsconfig: './tsconfig.json',
            ignoreSourceErrors: true,
          },
        },
      },
    ],
  },
});
