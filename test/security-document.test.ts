import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { SETTINGS } from '../src/kernel/config/settings.schema.js';

const ROOT = path.resolve(import.meta.dirname, '..');
const text = readFileSync(path.join(ROOT, 'docs/security.md'), 'utf8');

/** Items with the files that their row names. */
const rows = [...text.matchAll(/^\| ([\d., to]+) \|[^|]*\| (.*) \|$/gm)].map(
  ([, items = '', state = '']) => ({
    items: [...items.matchAll(/\d+(\.\d+)*/g)].map(([item]) => item),
    files: [...state.matchAll(/`([^`]+\.ts)`/g)].map(([, file = '']) => file),
  }),
);

const tests = ['src', 'test']
  .flatMap((folder) =>
    readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) =>
      path.posix.join(folder, name.replaceAll(path.sep, '/')),
    ),
  )
  .filter((file) => /\.(spec|medium|e2e|test)\.ts$/.test(file));

it('docs/security.md names files that are there', () => {
  const files = rows.flatMap((row) => row.files);
  expect(files.length).toBeGreaterThan(50);
  expect(files.filter((file) => !existsSync(path.join(ROOT, file)))).toEqual([]);
});

it('docs/security.md has each item once', () => {
  const items = rows.flatMap((row) => row.items);
  expect(items.filter((item, index) => items.indexOf(item) !== index)).toEqual([]);
});

// When it fails: add the file to the row of the item.
it('docs/security.md has every test that names an item of ASVS beside that item', () => {
  const named = tests.flatMap((file) => {
    const source = readFileSync(path.join(ROOT, file), 'utf8');
    const lists = [...source.matchAll(/['`(]ASVS ((?:\d+(?:\.\d+)+(?:, )?)+)/g)];
    return lists.flatMap(([, list = '']) => list.split(', ').map((item) => ({ file, item })));
  });
  expect(named.length).toBeGreaterThan(20);
  const missing = named.filter(
    ({ file, item }) => !rows.some(({ items, files }) => items.includes(item) && files.includes(file)),
  );
  expect([...new Set(missing.map(({ file, item }) => `${item} ${file}`))]).toEqual([]);
});

it('docs/security.md names settings that there are', () => {
  const known: string[] = Object.values<{ env: string }>(SETTINGS).flatMap(({ env }) => [env, `${env}_FILE`]);
  const named = [...new Set<string>(text.match(/\bSTEWARD_[A-Z0-9_]+/g))];
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((name) => !known.includes(name))).toEqual([]);
});
