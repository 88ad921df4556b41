import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { parseSource, type SourceFile } from './source-file.js';

const ROOT = path.resolve(import.meta.dirname, '../..');
const FOLDERS = ['src', 'migrations', 'seeds'];

/** Every TypeScript file that is part of the product or stands beside it as a test. */
export function projectFiles(): SourceFile[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
      .map((file) => `${folder}/${file.replaceAll(path.sep, '/')}`)
      .toSorted()
      .map((file) => parseSource(file, readFileSync(path.join(ROOT, file), 'utf8'))),
  );
}
