import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

/** Besides files of this folder, the only thing the planner may import: a parser without effects. */
const ALLOWED_PACKAGES = ['croner'];

const EFFECTS: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\./, 'reads the clock; the caller passes database time'],
  [/\bMath\.random\b|\bcrypto\b/, 'is random; planned instants must be the same in every process'],
  [/\bprocess\b/, 'reads the process; settings are the caller’s to pass'],
  [/\bset(Timeout|Interval|Immediate)\b|\bawait\b|\basync\b/, 'waits; a plan is a value'],
  [/\bconsole\b|\bfetch\(/, 'talks to the outside'],
];

const folder = new URL('.', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'));

function violations(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
  const imports = [...code.matchAll(/\b(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)].map((match) => match[1]!);
  const foreign = imports.filter(
    (name) => !/^\.\/[\w-]+\.js$/.test(name) && !ALLOWED_PACKAGES.includes(name),
  );
  return [
    ...foreign.map(
      (name) => `imports "${name}": the planner has no effects, so it imports only itself and croner`,
    ),
    ...EFFECTS.filter(([pattern]) => pattern.test(code)).map(([pattern, reason]) => `${pattern}: ${reason}`),
  ];
}

describe('purity of the planner', () => {
  it.each(files)('%s has no effects', (name) => {
    expect(violations(readFileSync(new URL(name, folder), 'utf8'))).toEqual([]);
  });

  it('notices what it must notice', () => {
    expect(violations(`import { Injectable } from '@nestjs/common';`)).toHaveLength(1);
    expect(violations(`import { config } from '../../../kernel/config/index.js';`)).toHaveLength(1);
    expect(violations(`const { readFile } = await import('node:fs/promises');`)).toHaveLength(2);
    expect(violations(`export * from 'typeorm';\nconst now = Date.now();`)).toHaveLength(2);
    expect(violations(`const at = new Date(5); // not Date.now()`)).toEqual([]);
  });
});
