import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileWork, at } from '../factories/file-work.js';
import type { TestRemote } from '../factories/copies.js';
import { TestApp } from '../harness/app.js';
import { withClient } from '../harness/database.js';

let app: TestApp;
let work: FileWork;
let from: TestRemote;
let to: TestRemote;
beforeAll(async () => {
  app = await TestApp.start();
  work = new FileWork(app);
  ({ from, to } = await work.twoRemotes());
});
afterAll(() => app.stop());

const later = { scheduledFor: '2099-01-01T00:00:00Z' };
const TYPES = ['copy', 'move', 'sync', 'backup', 'restore'] as const;

/** What leads rclone elsewhere when it stands where a remote is named. */
const NO_REMOTES = [
  'jail,remote=/etc:',
  ':alias,remote=/x:',
  ':local:/x',
  '/x',
  'secret',
  `:webdav,url=http://127.0.0.1,bearer_token_command='id':`,
  ':sftp,ssh=id:',
  '../x',
  '-x',
  '',
];
/** What leads out of a remote when it stands in a path, or cannot be a path. */
const NO_PATHS = [
  '..',
  '/a/../../etc',
  '/./a',
  '/．．/etc',
  '/a/．',
  '/a\nb',
  '/a\u007f',
  '/\ud800',
  `/${'x'.repeat(5_000)}`,
];
/** Ways to say more to rclone than a job may. */
const NO_OPTIONS = [
  { _config: { Links: true } },
  { links: true },
  { filesFrom: '/etc/passwd' },
  { 'override.links': true },
  { include: ['a\n- b'] },
  { exclude: [''] },
  { bandwidthLimit: 0 },
  { bandwidthLimit: '1M' },
  { transfers: 9 },
  { checkers: 17 },
  { dryRun: 'yes' },
];

describe('what a payload may not say', () => {
  /** Each payload with the place that is to be named. */
  const wrong = function* (): Generator<readonly [type: string, payload: object, pointer: string]> {
    for (const type of TYPES)
      for (const side of ['source', 'destination']) {
        const good = { source: at(from, '/a'), destination: at(to, '/b') };
        for (const remoteId of NO_REMOTES)
          yield [type, { ...good, [side]: { remoteId, path: '/' } }, `/payload/${side}/remoteId`];
        for (const path of NO_PATHS)
          yield [type, { ...good, [side]: at(from, path) }, `/payload/${side}/path`];
        yield [type, { ...good, [side]: { ...at(from), fs: ':local:/' } }, `/payload/${side}/fs`];
      }
    for (const type of TYPES)
      for (const options of NO_OPTIONS)
        yield [type, { source: at(from, '/a'), destination: at(to, '/b'), options }, '/payload/options/'];
    for (const path of NO_PATHS) yield ['delete', { target: at(from, path) }, '/payload/target/path'];
    for (const name of ['..', '．．', 'a/b', '', 'a\nb', 'n'.repeat(101)])
      yield ['backup', { source: at(from), destination: at(to), options: { name } }, '/payload/options/name'];
    for (const version of ['..', '../x', '20261121T180000Z/..', '20261121', ''])
      yield ['restore', { source: at(from), destination: at(to), version }, '/payload/version'];
  };

  it('is refused when it is asked for, naming the place', async () => {
    const accepted: unknown[] = [];
    for (const [type, payload, pointer] of wrong()) {
      const { status, body } = await work.request(type, payload, later);
      const named = body.errors?.[0]?.pointer ?? '';
      // Half a character cannot be sent or stored at all, which is said before the payload is looked at.
      const isNamed = named.startsWith(pointer) || body.code === 'malformed_text';
      if (status !== 400 || !isNamed) accepted.push({ type, payload, status, body });
    }
    expect(accepted).toEqual([]);
  });

  it('is refused again by the worker when it stands in the row', async () => {
    const examples = new Map<string, string>();
    for (const type of TYPES)
      examples.set(type, await work.make(type, { source: at(from, '/a'), destination: at(to, '/b') }, later));
    examples.set('delete', await work.make('delete', { target: at(from, '/a') }, later));
    const jobs = await withClient(app.settings.databaseUrl ?? '', async (client) => {
      const ids: string[] = [];
      for (const [type, payload] of wrong()) {
        const json = JSON.stringify(payload);
        if (json.includes('\\ud800')) continue; // PostgreSQL keeps it out
        const { rows } = await client.query<{ id: string }>(
          `insert into jobs (id, user_id, type, queue, payload, max_retries, run_at)
           select gen_random_uuid(), user_id, type, queue, $2, max_retries, now() from jobs where id = $1 returning id`,
          [examples.get(type), json],
        );
        ids.push(rows[0]!.id);
      }
      return ids;
    });
    const ended = await Promise.all(jobs.map((id) => work.ended(id)));
    expect(
      ended.filter(({ status, errorCode }) => status !== 'failed' || errorCode !== 'validation_failed'),
    ).toEqual([]);
    expect(ended.length).toBeGreaterThan(150);
  }, 120_000);
});

describe('what is refused although it can be said', () => {
  it.each([
    ['copy', '/a', '/a', true],
    ['copy', '/a', '/a/b', true],
    ['copy', '/a/b', '/a', false],
    ['move', '/a', '/a/b', true],
    ['move', '/a/b', '/a', false],
    ['sync', '/a', '/a/b', true],
    ['sync', '/a/b', '/a', true],
    ['sync', '/a', '/ab', false],
    // Into /b/name.
    ['backup', '/', '/b', true],
    ['backup', '/b/c', '/b', true],
    ['backup', '/a', '/b', false],
    ['restore', '/b/name', '/b', true],
    ['restore', '/b/name', '/b/name/current', true],
    ['restore', '/b/name', '/c', false],
  ])('%s from %s to %s: %s', async (type, source, destination, refused) => {
    const options = type === 'backup' ? { name: 'c' } : {};
    const payload = { source: at(from, source), destination: at(from, destination), options };
    const { status, body } = await work.request(type, payload, later);
    const pointers = body.errors?.map(({ pointer }) => pointer);
    expect([status, pointers]).toEqual(refused ? [400, ['/payload/destination']] : [202, undefined]);
  });

  it('is what lies in the other through another remote', async () => {
    const inner = await work.remote(`${from.root.split('/').at(-1)}/inner`);
    const payload = { source: at(from), destination: at(inner) };
    expect(await work.request('copy', payload, later)).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/payload/destination', code: 'overlap' }] },
    });
  });

  it('is deleting everything of a remote without an explicit yes', async () => {
    const payload = { target: at(from) };
    expect(await work.request('delete', payload, later)).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/payload/options/allowMassDelete', code: 'confirmation_required' }] },
    });
    for (const options of [{ allowMassDelete: true }, { dryRun: true }])
      expect((await work.request('delete', { ...payload, options }, later)).status).toBe(202);
  });

  it('is a remote of somebody else', async () => {
    const { token } = await app.user();
    const answers = await Promise.all(
      TYPES.map((type) =>
        app.call('POST', '/api/jobs', {
          body: { type, payload: { source: at(from, '/a'), destination: at(to, '/b') } },
          token,
        }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(TYPES.map(() => 404));
  });
});

describe('the bandwidth of a job', () => {
  const limit = (id: string, body: object, token?: string) =>
    app.call<{ code: string }>('PATCH', `/api/jobs/${id}/transfer`, { body, ...(token ? { token } : {}) });

  it('can be changed only while the job runs, and only of a job with one', async () => {
    const waiting = await work.make('copy', { source: at(from, '/a'), destination: at(to, '/b') }, later);
    expect(await limit(waiting, { bandwidthLimit: 1 })).toMatchObject({
      status: 409,
      body: { code: 'job_not_running' },
    });
    const other = await work.make('delete', { target: at(from, '/a') }, later);
    expect(await limit(other, { bandwidthLimit: 1 })).toMatchObject({
      status: 409,
      body: { code: 'not_a_transfer' },
    });
    for (const body of [{}, { bandwidthLimit: 0 }, { bandwidthLimit: '1' }, { bandwidthLimit: 1, more: 1 }])
      expect((await limit(waiting, body)).status).toBe(400);
    const { token } = await app.user('power_user');
    expect((await limit(waiting, { bandwidthLimit: 1 }, token)).status).toBe(404);
  });
});
