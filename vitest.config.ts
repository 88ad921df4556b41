import { defineConfig } from 'vitest/config';

/**
 * Three lanes (spec, medium, e2e). Each is a vitest project so that one run reports all of them; budgets and
 * what each lane may touch stand in CONTRIBUTING.md.
 */
export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'spec', include: ['src/**/*.spec.ts', 'test/*.test.ts', 'scripts/**/*.spec.ts'] },
      },
    ],
  },
});
