import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const BEAT_MS = 2000;
const STALE_MS = 30_000;

/**
 * Runs `work` while no other process of this or another machine runs its own under the same lock directory. The
 * directory names its owner; it is taken over when that process is gone or has not touched it for half a minute
 * (its number may meanwhile belong to another program, or it ran in another container).
 */
export async function withLock(directory, work, onWait = () => undefined) {
  const owner = `${hostname()} ${process.pid} ${randomBytes(8).toString('hex')}`;
  let waiting = false;
  while (!acquire(directory, owner)) {
    if (removeIfStale(directory)) continue;
    if (!waiting) onWait();
    waiting = true;
    await sleep(200);
  }
  const beat = setInterval(() => touch(directory), BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    if (ownerOf(directory) === owner) rmSync(directory, { recursive: true, force: true });
  }
}

/** The directory is made complete under another name: one without its owner is never seen. */
function acquire(directory, owner) {
  const made = `${directory}.${process.pid}-${randomBytes(4).toString('hex')}`;
  mkdirSync(made);
  writeFileSync(path.join(made, 'owner'), owner);
  try {
    renameSync(made, directory); // fails on a directory that is not empty
    return true;
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    if (['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(error.code)) return false;
    throw error;
  }
}

/** Moves the judged directory aside before removing it, so that a lock taken meanwhile is put back, not lost. */
function removeIfStale(directory) {
  const owner = ownerOf(directory);
  if (owner === undefined) return true; // released between two looks
  if (!isStale(directory, owner)) return false;
  const aside = `${directory}.stale-${process.pid}-${randomBytes(4).toString('hex')}`;
  try {
    renameSync(directory, aside);
    if (ownerOf(aside) !== owner) {
      renameSync(aside, directory);
      return false;
    }
    rmSync(aside, { recursive: true, force: true });
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(error.code)) throw error;
  }
  return true;
}

function isStale(directory, owner) {
  const [host, pid] = owner.split(' ');
  if (host === hostname() && !processExists(Number(pid))) return true;
  try {
    return Date.now() - statSync(directory).mtimeMs > STALE_MS;
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}

function ownerOf(directory) {
  try {
    return readFileSync(path.join(directory, 'owner'), 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function touch(directory) {
  const now = new Date();
  try {
    utimesSync(directory, now, now);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}

function processExists(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code !== 'ESRCH';
  }
}
