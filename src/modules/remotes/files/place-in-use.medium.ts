import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PermissionsDesk } from '../../../../test/factories/remote-permissions.js';
import { TestApp } from '../../../../test/harness/app.js';
import { withClient } from '../../../../test/harness/database.js';
import { MemoryEngine } from '../../../../test/harness/memory-engine.js';
import { Database } from '../../../kernel/database/index.js';
import { JobsService, type JobFence } from '../../jobs/index.js';
import type { EngineRemote } from '../engine/transfer-engine.js';
import { lockPlaces } from '../locks/lock-places.js';
import { PathLocks } from '../locks/path-locks.js';
import { parseRemotePath } from '../remote-path.js';

let app: TestApp;
let engine: MemoryEngine;
let desk: PermissionsDesk;
let remote: EngineRemote;

beforeAll(async () => {
  app = await TestApp.start({ environment: { STEWARD_ROLE: 'api' } });
  engine = MemoryEngine.in(app);
  desk = new PermissionsDesk(app);
});
afterAll(() => app.stop());
beforeEach(async () => {
  engine.reset();
  remote = await local(randomUUID());
});

/** A remote in a folder below the root of all. */
async function local(folder: string): Promise<EngineRemote> {
  const root = path.join(app.settings.localRoots[0] ?? '', folder);
  const body = { type: 'local', name: randomUUID(), root };
  const { id } = (await app.call<{ id: string }>('POST', '/api/remotes', { body })).body;
  return { id, type: 'local', root, version: 1, options: {}, parts: [] };
}

/** A job that runs, as far as anybody can see, and is at this place. */
async function jobAt(place: string, { writes = true, of = remote } = {}): Promise<JobFence> {
  const fence = { jobId: randomUUID(), leaseEpoch: 1 };
  await sql(
    `insert into jobs (id, type, queue, payload, status, lease_epoch, worker_id, created_at, started_at)
     values ($1, 'sync', 'files', '{}', 'running', 1, gen_random_uuid(), now(), clock_timestamp())`,
    [fence.jobId],
  );
  const places = lockPlaces(of, parseRemotePath(place), writes).map((one) => ({ ...one, label: place }));
  const scope = app.get(Database).system('a test');
  const reason = await scope.tx(async (tx) => {
    await app.get(JobsService).hold(tx, fence);
    return app.get(PathLocks).take(tx, { fence, places, counts: [] });
  });
  expect(reason).toBeNull();
  return fence;
}

const sql = (text: string, values: unknown[]): Promise<unknown> =>
  withClient(app.settings.databaseUrl ?? '', (client) => client.query(text, values));

interface Problem {
  readonly code: string;
  readonly detail: string;
}
async function ask(
  method: string,
  place: string,
  { body, token = app.adminToken, of = remote }: { body?: object; token?: string; of?: EngineRemote } = {},
): Promise<{ status: number; body: Problem }> {
  return app.call<Problem>(method, `/api/remotes/${of.id}/files${place}`, { body, token });
}
const at = (file: string): string => `?path=${encodeURIComponent(file)}`;
async function upload(
  file: string,
  { token = app.adminToken, of = remote } = {},
): Promise<[status: number, code: string, detail: string]> {
  const answer = await fetch(`${app.url}/api/remotes/${of.id}/files/content${at(file)}`, {
    method: 'PUT',
    body: 'new',
    headers: { authorization: `Bearer ${token}` },
  });
  const { code = '', detail = '' } = (await answer.json()) as Partial<Problem>;
  return [answer.status, code, detail];
}
const codeOf = async (...call: Parameters<typeof ask>): Promise<[number, string]> => {
  const { status, body } = await ask(...call);
  return [status, body?.code ?? ''];
};
const IN_USE = [409, 'place_in_use'];

describe('where a job writes', () => {
  it('nobody changes a single file, and the job is named before the storage is asked', async () => {
    engine.put('shared/x', 'old');
    engine.put('free/y', 'old');
    engine.asked.length = 0;
    const { jobId } = await jobAt('/shared');
    for (const file of ['/shared/x', '/shared/deep/new', '/shared'])
      expect(await upload(file)).toEqual([409, 'place_in_use', expect.stringContaining(jobId)]);
    for (const [method, place, body] of [
      ['DELETE', at('/shared/x')],
      ['POST', '/folders', { path: '/shared/folder' }],
      ['POST', '/rename', { from: '/shared/x', to: '/free/x' }],
      ['POST', '/rename', { from: '/free/y', to: '/shared/y' }],
    ] as const)
      expect([place, await codeOf(method, place, body ? { body } : {})]).toEqual([place, IN_USE]);
    expect(engine.asked).toEqual([]);
    expect(engine.files.get('shared/x')?.toString()).toBe('old');
  });

  it('everybody goes on looking and downloading, and changing what lies beside it', async () => {
    engine.put('shared/x', 'old');
    await jobAt('/shared');
    for (const place of [at('/shared'), `/stat${at('/shared/x')}`])
      expect((await ask('GET', place)).status).toBe(200);
    const answer = await fetch(`${app.url}/api/remotes/${remote.id}/files/content${at('/shared/x')}`, {
      headers: { authorization: `Bearer ${app.adminToken}` },
    });
    expect(await answer.text()).toBe('old');
    expect((await upload('/shared2/x'))[0]).toBe(201);
    expect((await upload('/x'))[0]).toBe(201);
    expect((await ask('DELETE', at('/x'))).status).toBe(204);
  });

  it('is also where the storage may take it for the same name', async () => {
    await jobAt('/Straße/caf\u00e9/한글');
    for (const file of ['/straße/cafe\u0301/한글/x', '/STRAßE/CAFÉ/한글/x'])
      expect((await upload(file)).slice(0, 2)).toEqual(IN_USE);
    expect((await upload('/Straße/caf\u00e9/한/x'))[0]).toBe(201);
  });

  it('is also where another remote leads', async () => {
    const folder = randomUUID();
    const [outer, inner] = [await local(folder), await local(`${folder}/photos`)];
    await jobAt('/2026', { of: inner });
    expect((await upload('/photos/2026/x', { of: outer })).slice(0, 2)).toEqual(IN_USE);
    expect((await upload('/photos/2025/x', { of: outer }))[0]).toBe(201);
  });

  it('tells those who may not write there nothing of the job', async () => {
    await jobAt('/shared');
    const [reader, stranger] = [await app.user(), await app.user()];
    await desk.put(remote.id, reader, ['read']);
    expect((await upload('/shared/x', reader)).slice(0, 2)).toEqual([403, 'remote_permission_required']);
    expect((await upload('/shared/x', stranger))[0]).toBe(404);
  });

  it('may be changed again as soon as the job has left, or has lost its attempt', async () => {
    const left = await jobAt('/a');
    const dead = await jobAt('/b');
    expect((await upload('/a/x')).slice(0, 2)).toEqual(IN_USE);
    expect((await upload('/b/x')).slice(0, 2)).toEqual(IN_USE);
    await app.get(PathLocks).release(left);
    await sql('update jobs set lease_epoch = 2 where id = $1', [dead.jobId]);
    expect((await upload('/a/x'))[0]).toBe(201);
    expect((await upload('/b/x'))[0]).toBe(201);
  });
});

it('a job that only reads stands in nobody’s way', async () => {
  await jobAt('/', { writes: false });
  expect((await upload('/x'))[0]).toBe(201);
  expect((await ask('POST', '/rename', { body: { from: '/x', to: '/y' } })).status).toBe(200);
  expect((await ask('POST', '/folders', { body: { path: '/z' } })).status).toBe(201);
  expect((await ask('DELETE', at('/y'))).status).toBe(204);
});

it('a job that waits for the place stands in nobody’s way either', async () => {
  const { jobId, leaseEpoch } = await jobAt('/other');
  await sql(
    `update path_locks set path_key = 'shared', is_held = false where job_id = $1 and lease_epoch = $2`,
    [jobId, leaseEpoch],
  );
  expect((await upload('/shared/x'))[0]).toBe(201);
});
