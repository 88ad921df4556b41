import { defineConfig } from 'vitest/config';

/**
 * Three lanes. Each is a vitest project so that one run reports all of them; budgets and what each lane may touch
 * stand in CONTRIBUTING.md. Two workers at most: the databases and servers under test need the other cores.
 */
const services = ['test/harness/services.ts'];

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'spec',
          include: ['src/**/*.spec.ts', 'scripts/**/*.spec.ts', 'test/*.test.ts'],
          // Property tests take seconds on a busy machine; only a test that hangs should meet this.
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'medium',
          include: ['src/**/*.medium.ts', 'test/**/*.medium.ts'],
          globalSetup: services,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.e2e.ts'],
          globalSetup: services,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
