import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The checkout these scripts belong to. */
export const root = path.resolve(import.meta.dirname, '../..');

export function inProject(...parts) {
  return path.join(root, ...parts);
}

/** Only on standard error: what the scripts print must not mix with what the program prints. */
export function say(message) {
  process.stderr.write(`${message}\n`);
}

/** Ends the script with a message but no stack trace: the reader did or can do something about it. */
export class ScriptError extends Error {}

/**
 * One hash over the names and contents of the given files and directories (those that exist); `leaveOut` gets
 * each file's name. Reading everything takes some 20 ms for a few hundred files and, unlike times of change, gives
 * the same answer after a checkout, a copy or a touch.
 */
export function contentHash(names, leaveOut = () => false) {
  const hash = createHash('sha256');
  for (const file of names.flatMap((name) => filesUnder(name)).toSorted()) {
    if (leaveOut(file)) continue;
    const content = readFileSync(inProject(file));
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

function filesUnder(name) {
  const place = inProject(name);
  if (!existsSync(place)) return [];
  try {
    return readdirSync(place, { withFileTypes: true }).flatMap((entry) => {
      const inner = path.join(name, entry.name);
      return entry.isDirectory() ? filesUnder(inner) : [inner];
    });
  } catch (error) {
    if (error.code === 'ENOTDIR') return [name];
    throw error;
  }
}

/** The text of a file, or undefined where there is none. */
export function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  }
}
