import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

/** Writes files below `root`, making the folders they are in. */
export async function write(root: string, files: Record<string, string | Buffer>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), content);
  }
}

/** Every file below `root` with the hash of its content; folders as `null`. */
export async function tree(root: string): Promise<Record<string, string | null>> {
  const found: Record<string, string | null> = {};
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    found[relative(root, path)] = entry.isFile()
      ? createHash('sha256')
          .update(await readFile(path))
          .digest('hex')
      : null;
  }
  return found;
}

/** Every file below `root` with what is written in it; no folders. */
export async function texts(root: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) found[relative(root, path)] = await readFile(path, 'utf8');
  }
  return found;
}

/** Every file below `root` with the hash of its content; no folders. */
export async function hashes(root: string): Promise<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(await tree(root)).flatMap(([name, hash]) => (hash === null ? [] : [[name, hash]])),
  );
}

/** Every file below `root`, also while somebody deletes them: what goes in the middle of the look is left out. */
export async function names(root: string): Promise<string[]> {
  const found: string[] = [];
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop())
    for (const entry of await readdir(join(root, folder), { withFileTypes: true }).catch(ifThere)) {
      const name = join(folder, entry.name);
      if (entry.isFile()) found.push(name);
      else folders.push(name);
    }
  return found;
}

function ifThere(error: NodeJS.ErrnoException): [] {
  if (error.code === 'ENOENT') return [];
  throw error;
}

export const hashOf = (content: string | Buffer): string =>
  createHash('sha256').update(content).digest('hex');
