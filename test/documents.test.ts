import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { envExample, withSettingsTable } from '../src/kernel/config/index.js';

const ROOT = path.resolve(import.meta.dirname, '..');
const README = path.join(ROOT, 'README.md');

// When one of them fails: npm run build && npm run steward -- settings --write
it('.env.example lists the settings as they are', () => {
  expect(readFileSync(path.join(ROOT, '.env.example'), 'utf8')).toBe(envExample());
});

it.runIf(existsSync(README))('README.md lists the settings as they are, between its two marks', () => {
  const readme = readFileSync(README, 'utf8');
  expect(withSettingsTable(readme)).toBe(readme);
});
