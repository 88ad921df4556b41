import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EmbeddedPostgresProcess } from '../../../../test/harness/embedded-postgres-process.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from './embedded-postgres.js';
import { freePort } from './postmaster.js';

const settings = { fsync: 'off' };
let prepared: string;
let directory: string;
let servers: EmbeddedPostgres[];
let processes: EmbeddedPostgresProcess[];

beforeAll(async () => {
  prepared = await mkdtemp(path.join(tmpdir(), 'steward-embedded-'));
  await (await startEmbeddedPostgres({ directory: prepared, settings })).release();
});

afterAll(() => rm(prepared, { recursive: true, force: true }));

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'steward-embedded-'));
  servers = [];
  processes = [];
});

afterEach(async () => {
  await Promise.all(processes.map((process) => process.kill()));
  for (const server of servers) await server.release();
  await killServer().catch(() => undefined); // one whose users were all killed; else there is none
  await rm(directory, { recursive: true, force: true, maxRetries: 10 });
});

async function start(options: { port?: number } = {}): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ directory, settings, ...options });
  servers.push(server);
  return server;
}

/** What a first start leaves behind, without its half second; tests about that start do not use it. */
async function copyPrepared(): Promise<void> {
  await promisify(execFile)('cp', ['-a', `${prepared}/.`, directory]);
}

async function startProcess(): Promise<EmbeddedPostgresProcess> {
  const process = await EmbeddedPostgresProcess.spawn(directory);
  processes.push(process);
  return process;
}

async function query<Row extends object>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function postmasterPid(): Promise<number> {
  return Number((await readFile(path.join(directory, 'cluster/postmaster.pid'), 'utf8')).split('\n')[0]);
}

/** Without waiting: until its parent has asked after it, the dead server still counts as a process. */
async function killServer(): Promise<void> {
  process.kill(await postmasterPid(), 'SIGKILL');
}

describe('a fresh directory', () => {
  it('gets a server on 127.0.0.1 only, with the database and a private password', async () => {
    const server = await start();

    expect(server.adopted).toBe(false);
    const rows = await query(
      server.url,
      `select current_database() as database, current_user as "user",
              (select pg_get_userbyid(datdba) from pg_database where datname = current_database()) as owner,
              current_setting('listen_addresses') as addresses,
              current_setting('unix_socket_directories') as sockets,
              current_setting('server_encoding') as encoding`,
    );
    expect(rows).toEqual([
      {
        database: 'steward',
        user: 'steward',
        owner: 'steward',
        addresses: '127.0.0.1',
        sockets: '',
        encoding: 'UTF8',
      },
    ]);
    const wrong = new URL(server.url);
    wrong.password = 'wrong';
    await expect(query(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
    const { mode } = await stat(path.join(directory, 'password'));
    expect((mode & 0o777).toString(8)).toBe('600');
    expect((await readdir(directory)).toSorted()).toEqual(['cluster', 'password', 'postgres.log']);
  });

  it('searches in every script: Thai, Persian, Korean and Russian words have trigrams', async () => {
    const server = await start();
    await query(server.url, 'create extension pg_trgm');
    const rows = await query<{ text: string; found: boolean }>(
      server.url,
      `select text, cardinality(show_trgm(text)) > 0 as found
       from unnest(array['สวัสดี', 'سلام دنیا', '안녕하세요', 'Здравствуйте']) as text`,
    );
    expect(rows.filter(({ found }) => !found)).toEqual([]);
    expect(rows).toHaveLength(4);
  });

  it('keeps values of rows out of its log, when it refuses them too', async () => {
    const server = await start();
    // Put together by the server, so that the text of the statement does not have it.
    const email = `'ann' || '@example.org'`;
    await expect(
      query(
        server.url,
        `create table once (email text unique); insert into once values (${email}), (${email})`,
      ),
    ).rejects.toThrow('duplicate key');
    const log = await readFile(path.join(directory, 'postgres.log'), 'utf8');
    expect(log).toContain('duplicate key value violates unique constraint');
    expect(log).not.toContain('ann@example.org');
  });

  it('works under a directory that is closed to other users', async () => {
    const closed = path.join(directory, 'closed');
    await mkdir(closed);
    await chmod(closed, 0o700);
    const server = await startEmbeddedPostgres({ directory: path.join(closed, 'postgres'), settings });
    servers.push(server);
    await query(server.url, 'create extension pg_trgm'); // reads files of the programs' own directory
    expect(await readdir(path.join(closed, 'postgres'))).toContain('cluster');
  });

  it('is rid of what a killed first start left half made', async () => {
    const abandoned = path.join(directory, 'cluster.new-999999999-0badcafe');
    await mkdir(abandoned);
    await start();
    expect(await readdir(directory)).not.toContain(path.basename(abandoned));
  });

  it('is started on the port asked for', async () => {
    await copyPrepared();
    const port = await freePort();
    const server = await start({ port });
    expect(server.port).toBe(port);
  });

  it('says so when the port asked for is taken', async () => {
    await copyPrepared();
    const blocker = createServer();
    const port = await freePort();
    await new Promise<void>((resolve) => blocker.listen(port, '127.0.0.1', resolve));
    try {
      await expect(start({ port })).rejects.toMatchObject({ code: 'port_in_use' });
    } finally {
      blocker.close();
    }
  });
});

describe('data', () => {
  beforeEach(copyPrepared);

  it('is there after a stop and a new start', async () => {
    const first = await start();
    await query(first.url, `create table notes as select 'kept' as text`);
    await first.release();
    const second = await start();
    expect(second.adopted).toBe(false);
    expect(await query(second.url, 'select text from notes')).toEqual([{ text: 'kept' }]);
  });

  it('is there when only the using process was killed: the server is joined', async () => {
    const owner = await startProcess();
    const { port, url } = await owner.start();
    await query(url, `create table notes as select 'kept' as text`);
    await owner.kill();

    const server = await start();
    expect(server).toMatchObject({ adopted: true, port });
    expect(await query(server.url, 'select text from notes')).toEqual([{ text: 'kept' }]);
  });

  it('is there when everything was killed', async () => {
    const owner = await startProcess();
    const { url } = await owner.start();
    await query(url, `create table notes as select 'kept' as text`);
    await owner.kill();
    await killServer();

    const server = await start();
    expect(server.adopted).toBe(false);
    expect(await query(server.url, 'select text from notes')).toEqual([{ text: 'kept' }]);
  });

  it('is there when the process number of a killed server now belongs to another program', async () => {
    const owner = await startProcess();
    await owner.start();
    await owner.kill();
    await killServer();
    const pidFile = path.join(directory, 'cluster/postmaster.pid');
    const [, ...rest] = (await readFile(pidFile, 'utf8')).split('\n');
    await writeFile(pidFile, [String(process.pid), ...rest].join('\n'));

    const server = await start();
    expect(server.adopted).toBe(false);
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('of another major version is refused untouched', async () => {
    await (await start()).release();
    const versionFile = path.join(directory, 'cluster/PG_VERSION');
    await writeFile(versionFile, '19\n');
    const refusal: unknown = await start().catch((error: unknown) => error);
    expect(refusal).toMatchObject({ name: 'EmbeddedPostgresError', code: 'version_mismatch' });
    expect(String(refusal)).toMatch(/PostgreSQL 19\b.*PostgreSQL 18\b/);
    expect(await readFile(versionFile, 'utf8')).toBe('19\n');
  });
});

describe('several processes', () => {
  it('that start at the same moment in an empty directory share one server', async () => {
    const both = await Promise.all([startProcess(), startProcess()]);
    const [a, b] = await Promise.all(both.map((process) => process.start()));
    expect(a?.port).toBe(b?.port);
    expect(a?.adopted).not.toBe(b?.adopted);
    expect((await readdir(directory)).toSorted()).toEqual(['cluster', 'password', 'postgres.log']);
  });

  it('keep the server until the last of them releases it', async () => {
    await copyPrepared();
    const [first, second] = [await startProcess(), await startProcess()];
    await first.start();
    const { url } = await second.start();

    await first.release();
    expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await second.release();
    await expect(query(url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('may start while the last user stops the server', async () => {
    await copyPrepared();
    const stopping = await start();
    const [joined] = await Promise.all([start(), stopping.release()]);
    expect(await query(joined.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });
});

it('releases once, however often it is asked to', async () => {
  await copyPrepared();
  const server = await start();
  await Promise.all([server.release(), server.release()]);
  await expect(query(server.url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

it('lets a user go whose server was killed meanwhile', async () => {
  await copyPrepared();
  const server = await start();
  await killServer();
  await expect(server.release()).resolves.toBeUndefined();
});
