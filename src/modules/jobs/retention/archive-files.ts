import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { pipeline, Readable } from 'node:stream';
import { createGunzip, createGzip } from 'node:zlib';
import { Installation, newId } from '../../../kernel/database/index.js';
import { FileMissingError, FileStore } from '../../../kernel/storage/index.js';
import type { Archive, ArchiveFile, ArchiveKind } from './archives.repository.js';

/** One row as it is archived, and whose it was. */
export interface ArchiveLine {
  readonly userId: string | null;
  readonly [name: string]: unknown;
}

/** Lines are handed on in pieces of about this size: a piece for each would cost more than its packing. */
const PIECE = 64 * 1024;

/**
 * Archives as files: one JSON document in each line, packed by gzip. Written and read as streams, so any number of
 * rows costs the same memory: what one line needs, and an id for each person.
 */
@Injectable()
export class ArchiveFiles {
  /** All files of this installation: several may share a bucket. */
  readonly prefix: string;

  constructor(
    private readonly store: FileStore,
    installation: Installation,
  ) {
    this.prefix = `archives/${installation.name}/`;
  }

  /**
   * Writes a new file, reads it back, and compares. Answers whose rows are in it, too. Throws when what was read is
   * not what was written; then, as when the process dies, a file may be left that no archive names.
   */
  async write(
    { kind, period }: { readonly kind: ArchiveKind; readonly period: string },
    lines: AsyncIterable<ArchiveLine>,
    signal: AbortSignal,
  ): Promise<ArchiveFile & { readonly people: string[] }> {
    const key = `${this.prefix}${kind}/${period}/${newId()}.ndjson.gz`;
    const people = new Set<string>();
    let rows = 0;
    async function* pieces(): AsyncGenerator<string> {
      let piece = '';
      for await (const line of lines) {
        signal.throwIfAborted();
        rows++;
        if (line.userId !== null) people.add(line.userId);
        piece += `${JSON.stringify(line)}\n`;
        if (piece.length < PIECE) continue;
        yield piece;
        piece = '';
      }
      if (piece !== '') yield piece;
    }
    const packed = pipeline(Readable.from(pieces(), { objectMode: false }), createGzip(), () => undefined);
    const written = await this.store.put(key, packed);
    await this.verify({ key, rows, ...written });
    return { key, rows, ...written, people: [...people] };
  }

  /** Throws when the file is not as it was written. */
  async verify({ key, rows, bytes, sha256 }: ArchiveFile): Promise<void> {
    const hash = createHash('sha256');
    let size = 0;
    const file = await this.store.get(key);
    file.on('data', (chunk: Buffer) => {
      size += chunk.length;
      hash.update(chunk);
    });
    let lines = 0;
    for await (const chunk of pipeline(file, createGunzip(), () => undefined) as AsyncIterable<Buffer>)
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines++;
    if (size !== bytes || hash.digest('hex') !== sha256 || lines !== rows)
      throw new Error(`the archive ${key} was not read back as it was written`);
  }

  /** The rows, one by one. Throws `FileMissingError`. */
  async *lines({ key }: Pick<Archive, 'key'>): AsyncGenerator<ArchiveLine> {
    const unpacked = pipeline(await this.store.get(key), createGunzip(), () => undefined);
    let rest: Buffer[] = [];
    try {
      for await (const chunk of unpacked as AsyncIterable<Buffer>) {
        let from = 0;
        for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
          yield JSON.parse(String(Buffer.concat([...rest, chunk.subarray(from, at)]))) as ArchiveLine;
          rest = [];
          from = at + 1;
        }
        if (from < chunk.length) rest.push(chunk.subarray(from));
      }
    } finally {
      unpacked.destroy();
    }
  }

  /** The packed file, as it is. */
  async open({ key }: Pick<Archive, 'key'>): Promise<Readable> {
    return this.store.get(key);
  }

  async remove(key: string): Promise<void> {
    await this.store.delete(key);
  }

  /** Files that are older than that. */
  async *writtenBefore(moment: Date): AsyncGenerator<string> {
    for await (const { key, modifiedAt } of this.store.list(this.prefix)) if (modifiedAt < moment) yield key;
  }
}

export { FileMissingError };
