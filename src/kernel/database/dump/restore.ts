import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom, type CopyStreamQuery } from 'pg-copy-streams';
import { END_OF_DUMP, linesOf, readHead, type DumpHead } from './dump-format.js';

/** One value of PostgreSQL is at most 1 GiB, and a row of ours far below. */
const LONGEST_LINE = 256 * 1024 * 1024;
/** Rows are handed to the server in pieces of about this size. */
const PIECE = 64 * 1024;

/** What is given is not a whole dump; nothing was changed. */
export class NotADumpError extends Error {}

export interface Restored extends DumpHead {
  readonly rows: number;
}

/** The head of a dump, for deciding what to do with it. */
export async function headOfDump(source: AsyncIterable<Uint8Array>): Promise<DumpHead> {
  for await (const line of linesOf(source, LONGEST_LINE)) return understood(line);
  throw new NotADumpError('The file is empty.');
}

/**
 * Fills the database with the rows of a dump, in place of those it has. The schema must be the dump's. One
 * transaction: a dump that breaks off or does not fit changes nothing. `ownerUrl` is of the owner of the tables.
 *
 * Throws `NotADumpError`, or what the server refuses.
 */
export async function restoreDump(ownerUrl: string, source: AsyncIterable<Uint8Array>): Promise<Restored> {
  const client = new pg.Client({
    connectionString: ownerUrl,
    application_name: 'steward restore',
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const restored = await replay(client, source);
    await client.query('analyze');
    return restored;
  } finally {
    // Without a commit the server undoes all of it.
    await client.end().catch(() => undefined);
  }
}

async function replay(client: pg.Client, source: AsyncIterable<Uint8Array>): Promise<Restored> {
  let head: DumpHead | undefined;
  let ended = false;
  let rows = 0;
  let commit: string | undefined;
  const lines = linesOf(source, LONGEST_LINE);
  for (let next = await lines.next(); next.done !== true; next = await lines.next()) {
    if (!head) {
      head = understood(next.value);
      continue;
    }
    const line = next.value.toString('utf8');
    if (line === END_OF_DUMP) ended = true;
    else if (line.startsWith('copy ')) rows += await fill(client, line, lines);
    // Kept back until the end was seen: a dump that was cut off behind it is not one to trust.
    else if (line === 'commit;') commit = line;
    else if (line !== '' && !line.startsWith('--')) await client.query(line);
  }
  if (!head) throw new NotADumpError('The file is empty.');
  if (!ended || commit === undefined) throw new NotADumpError('The dump is cut off: its end is missing.');
  await client.query(commit);
  return { ...head, rows };
}

function understood(line: Buffer): DumpHead {
  const head = readHead(line.toString('utf8', 0, 500));
  if (!head) throw new NotADumpError('The file is no dump of Steward.');
  return head;
}

/** Hands the lines of one table on, up to the one that ends them. */
async function fill(client: pg.Client, statement: string, lines: AsyncGenerator<Buffer>): Promise<number> {
  const table = client.query(copyFrom(statement));
  const done = finished(table);
  // It is awaited below; until then a refusal by the server must not count as unhandled.
  done.catch(() => undefined);
  try {
    await hand(table, lines);
    table.end();
  } catch (error) {
    table.destroy(error as Error);
  }
  await done;
  return table.rowCount;
}

async function hand(table: CopyStreamQuery, lines: AsyncGenerator<Buffer>): Promise<void> {
  let piece: Buffer[] = [];
  let size = 0;
  const write = async (): Promise<void> => {
    const bytes = Buffer.concat(piece);
    piece = [];
    size = 0;
    if (!table.write(bytes) && !table.destroyed)
      await Promise.race([once(table, 'drain'), once(table, 'close')]);
  };
  for (let next = await lines.next(); next.done !== true; next = await lines.next()) {
    const line = next.value;
    if (line.length === 2 && line[0] === 0x5c && line[1] === 0x2e) {
      if (size > 0) await write();
      return;
    }
    piece.push(line, NEW_LINE);
    size += line.length + 1;
    if (size >= PIECE) await write();
    if (table.destroyed) return;
  }
  throw new NotADumpError('The dump is cut off in the middle of a table.');
}

const NEW_LINE = Buffer.from('\n');
