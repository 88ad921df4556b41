import { createHash } from 'node:crypto';
import { Readable, type PassThrough } from 'node:stream';
import { ZipFile } from 'yazl';
import type { PersonalRecords } from '../account-hooks.js';

/** Of `manifest.json`: raised when the files change in a way that a reader would notice. */
export const ARCHIVE_VERSION = 1;

const CHUNK_BYTES = 65_536;

interface FileFacts {
  readonly name: string;
  rows: number;
  bytes: number;
  sha256: string;
}

export interface ArchiveOptions {
  readonly userId: string;
  readonly now: Date;
  /** The archive is given up when its reader takes nothing for this long. */
  readonly stallMs: number;
}

/**
 * A zip archive with one file of JSON for each kind of records, an array with a row on each line, and last of all
 * `manifest.json`, which counts them and has their checksums: an archive without it is incomplete.
 *
 * It is made while it is read, and rows are asked for as fast as it is read, so it takes the same little memory for
 * any number of them. Destroying it ends the asking; an error while asking destroys it.
 */
export function personalArchive(
  records: Iterable<PersonalRecords>,
  { userId, now, stallMs }: ArchiveOptions,
): Readable {
  const zip = new ZipFile();
  const output = zip.outputStream as PassThrough;
  const files: FileFacts[] = [];
  let current: Readable | undefined;
  const add = (name: string, content: () => AsyncIterable<Buffer>): void =>
    zip.addReadStreamLazy(name, { mtime: now, forceDosTimestamp: true }, (done) => {
      current = Readable.from(content(), { objectMode: false, highWaterMark: CHUNK_BYTES });
      // The library does not look at the errors of what it is given: unheard, they would end the process.
      current.on('error', (error) => output.destroy(error));
      done(null, current);
    });
  const letGo = (): boolean => output.destroyed;
  for (const { name, rows } of distinct(records))
    add(`${name}.json`, () => jsonArray(name, rows, files, letGo));
  add('manifest.json', () => manifest({ userId, now, files }));
  zip.on('error', (error: Error) => output.destroy(error));
  zip.end();
  output.once('close', () => current?.destroy());
  giveUpWhenStalled(output, stallMs);
  return output;
}

/** Two files of one name would hide each other in every program that unpacks them. */
function distinct(records: Iterable<PersonalRecords>): PersonalRecords[] {
  const list = [...records];
  const names = new Set(list.map(({ name }) => name));
  if (names.size !== list.length || names.has('manifest'))
    throw new Error(`Two modules export files of one name: ${list.map(({ name }) => name).join(', ')}`);
  return list;
}

async function* jsonArray(
  name: string,
  rows: AsyncIterable<object>,
  files: FileFacts[],
  letGo: () => boolean,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  const facts: FileFacts = { name: `${name}.json`, rows: 0, bytes: 0, sha256: '' };
  const counted = (text: string): Buffer => {
    const chunk = Buffer.from(text);
    facts.bytes += chunk.length;
    hash.update(chunk);
    return chunk;
  };
  let text = '[';
  for await (const row of rows) {
    // Between two chunks nobody else can end this, and rows that come slowly make few chunks.
    if (letGo()) return;
    text += `${facts.rows++ === 0 ? '\n' : ',\n'}${JSON.stringify(row)}`;
    if (text.length < CHUNK_BYTES) continue;
    yield counted(text);
    text = '';
  }
  yield counted(`${text}\n]\n`);
  facts.sha256 = hash.digest('hex');
  files.push(facts);
}

async function* manifest(content: {
  userId: string;
  now: Date;
  files: readonly FileFacts[];
}): AsyncGenerator<Buffer> {
  const { userId, now, files } = content;
  const facts = { format: 'steward-personal-data', version: ARCHIVE_VERSION, userId, exportedAt: now, files };
  yield Buffer.from(`${JSON.stringify(facts, null, 2)}\n`);
}

/** A reader that stops reading would keep its place in the number of exports for ever. */
function giveUpWhenStalled(output: PassThrough, stallMs: number): void {
  let taken = true;
  const read = output.read.bind(output);
  output.read = (size?: number): unknown => {
    const chunk: unknown = read(size);
    if (chunk !== null) taken = true;
    return chunk;
  };
  const timer = setInterval(() => {
    if (!taken) output.destroy(new Error('the reader of an archive took nothing for too long'));
    taken = false;
  }, stallMs).unref();
  output.once('close', () => clearInterval(timer));
}
