import type { Readable } from 'node:stream';
import { OperationalError } from '../http/errors.js';

export interface StoredFile {
  readonly key: string;
  readonly bytes: number;
  readonly modifiedAt: Date;
}

/** What was written, as it was counted on the way in. */
export interface WrittenFile {
  readonly bytes: number;
  /** Of the bytes, in hex. */
  readonly sha256: string;
}

/** Bytes of a file: from `start` to below `end`, or to its end. */
export interface ByteRange {
  readonly start: number;
  readonly end?: number | undefined;
}

/**
 * Where files are kept that the application itself owns: a folder, or a bucket. Streams, so a file of any size costs
 * the same little memory.
 *
 * A file appears under its key at once and whole, or not at all, also when the process dies in the middle; writing
 * to a key that is taken replaces what it held in the same way. A key is lower-case words between slashes
 * (`archives/jobs/2026-07/…`), so it means the same file on every kind of store and can never leave it.
 *
 * Throws `FileMissingError` for a key that holds nothing, and `OperationalError` `store_unavailable` when the store
 * is out of reach or full.
 */
export abstract class FileStore {
  abstract put(key: string, source: AsyncIterable<Uint8Array>): Promise<WrittenFile>;
  /** The caller reads it to its end or destroys it. A store that fails on the way fails the stream. */
  abstract get(key: string, range?: ByteRange): Promise<Readable>;
  /** Null when there is none. */
  abstract stat(key: string): Promise<StoredFile | null>;
  /** Also when there is none. */
  abstract delete(key: string): Promise<void>;
  /** Every file whose key begins with `prefix`, which ends with a slash, in no particular order. */
  abstract list(prefix: string): AsyncIterable<StoredFile>;
  /** Writes and removes a small file. */
  abstract check(): Promise<void>;
}

export class FileMissingError extends Error {
  constructor(readonly key: string) {
    super(`the store holds no file ${key}`);
    this.name = 'FileMissingError';
  }
}

/** The store cannot be used now; the work waits and is tried again. */
export function storeUnavailable(error: unknown): OperationalError {
  const reason = error instanceof Error ? error.message : String(error);
  const problem = new OperationalError('store_unavailable', `The store cannot be used: ${reason}`, 30);
  problem.cause = error;
  return problem;
}

const PART = /^[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)*$/;

/** The key as it is. Throws for one that no caller may have made: it is the code's fault, never a user's. */
export function checkedKey(key: string): string {
  const parts = key.split('/');
  if (key.length <= 500 && parts.every((part) => part.length <= 200 && PART.test(part))) return key;
  throw new Error(`not a key of the store: ${JSON.stringify(key.slice(0, 100))}`);
}

export function checkedPrefix(prefix: string): string {
  if (!prefix.endsWith('/')) throw new Error(`not a prefix of keys: ${JSON.stringify(prefix.slice(0, 100))}`);
  checkedKey(prefix.slice(0, -1));
  return prefix;
}
