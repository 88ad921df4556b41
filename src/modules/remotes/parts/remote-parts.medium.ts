import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApp, type Answer, type CallOptions } from '../../../../test/harness/app.js';
import { openDatabase, type OpenDatabase } from '../../../../test/harness/open-database.js';
import { Database, execute, newId } from '../../../kernel/database/index.js';
import type { EngineRemote } from '../engine/transfer-engine.js';
import type { RemoteView } from '../remotes.schema.js';
import { RemotesService } from '../remotes.service.js';

const MARKER = 'm4rker-of-what-is-secret';

let app: TestApp;
let sql: OpenDatabase;

beforeAll(async () => {
  app = await TestApp.start();
  sql = await openDatabase(app.settings.databaseUrl ?? '', 2);
});
afterAll(async () => {
  await sql.close();
  await app.stop();
});

type Failure = { code: string; detail: string; errors: { pointer: string; code: string }[] };
type Body = RemoteView & Failure;
const call = (method: string, place: string, options?: CallOptions): Promise<Answer<Body>> =>
  app.call<Body>(method, `/api/remotes${place}`, options);
const match = { 'if-match': '*' };

let counter = 0;
/** The address is public, so nobody is asked whether it may be used; nothing answers there. */
const sftp = (changes: object = {}, secrets: object = { password: MARKER }) => ({
  type: 'sftp',
  name: `sftp ${++counter}`,
  options: { host: '2001:4860::dead', user: 'someone', ...changes },
  secrets,
});
const part = (remoteId: string, path = '/', more: object = {}) => ({ remoteId, path, ...more });
async function make(body: object, options: CallOptions = {}): Promise<Body> {
  const answer = await call('POST', '', { body, ...options });
  expect([answer.status, answer.body.detail]).toEqual([201, undefined]);
  return answer.body;
}
const alias = (parts: object[], name = `alias ${++counter}`) => ({ type: 'alias', name, parts });
const engineRemote = (id: string, userId: string, role: 'user' | 'admin' = 'user'): Promise<EngineRemote> => {
  const actor = { type: 'user', userId, role, sessionId: userId } as const;
  return app.get(RemotesService).forEngine(app.get(Database).as(actor).read, actor, id, 'remote');
};
const write = (text: string, values: unknown[]): Promise<number> => execute(sql.database.read, text, values);

describe('remotes made of others', () => {
  it('hold what they are made of, with another version for every state', async () => {
    const user = await app.user();
    const mine = { token: user.token };
    const [a, b] = [await make(sftp(), mine), await make(sftp(), mine)];
    const whole = await make(
      {
        type: 'combine',
        name: 'whole',
        parts: [part(a.id, '/x', { name: '가' }), part(b.id, '/', { name: 'b' })],
      },
      mine,
    );
    expect(whole.parts).toEqual([
      { remoteId: a.id, path: '/x', name: '가', readOnly: false },
      { remoteId: b.id, path: '/', name: 'b', readOnly: false },
    ]);
    const crypt = await make(
      { type: 'crypt', name: 'a crypt', secrets: { password: MARKER }, parts: [part(whole.id, '/b')] },
      mine,
    );
    const first = await engineRemote(crypt.id, user.id);
    expect(
      first.parts[0]?.remote.parts.map(({ path, name, remote }) => [path, name, remote.options['host']]),
    ).toEqual([
      ['x', '가', '2001:4860::dead'],
      ['', 'b', '2001:4860::dead'],
    ]);
    expect((await engineRemote(crypt.id, user.id)).version).toBe(first.version);
    const body = { options: { user: 'other' } };
    await call('PATCH', `/${b.id}`, { headers: match, body, ...mine });
    expect((await engineRemote(crypt.id, user.id)).version).not.toBe(first.version);
  });

  it('keep what they are made of from being deleted', async () => {
    const a = await make(sftp());
    const whole = await make(alias([part(a.id)], 'the whole'));
    const refused = await call('DELETE', `/${a.id}`, { headers: match });
    expect(refused).toMatchObject({ status: 409, body: { code: 'remote_in_use' } });
    expect(refused.body.detail).toContain('"the whole"');
    expect((await call('DELETE', `/${whole.id}`, { headers: match })).status).toBe(204);
    expect((await call('DELETE', `/${a.id}`, { headers: match })).status).toBe(204);
  });

  it('are not made of what their maker may not use, and not used when its owner may not any more', async () => {
    const [one, other] = [await app.user(), await app.user()];
    const theirs = await make(sftp(), { token: other.token });
    const refused = await call('POST', '', { body: alias([part(theirs.id)]), token: one.token });
    expect(refused).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/parts/0/remoteId', code: 'unknown_remote' }] },
    });
    const missing = await call('POST', '', { body: alias([part(newId())]), token: one.token });
    expect(missing.body.errors).toEqual(refused.body.errors);
    const mine = await make(sftp(), { token: one.token });
    const whole = await make(alias([part(mine.id)]), { token: one.token });
    await write(`update remotes set owner_id = $2 where id = $1`, [mine.id, other.id]);
    await expect(engineRemote(whole.id, one.id)).rejects.toMatchObject({ code: 'remote_part_forbidden' });
  });

  it('form no circle, whoever is faster, and no tower', async () => {
    const a = await make(sftp());
    const [x, y] = [await make(alias([part(a.id)])), await make(alias([part(a.id)]))];
    const link = (from: string, to: string) =>
      call('PATCH', `/${from}`, { headers: match, body: { parts: [part(to)] } });
    expect((await link(x.id, x.id)).status).toBe(400);
    const answers = await Promise.all([link(x.id, y.id), link(y.id, x.id)]);
    expect(answers.map(({ status }) => status).toSorted((m, n) => m - n)).toEqual([200, 400]);
    const second = await make(alias([part(a.id)]));
    const third = await make(alias([part(second.id)]));
    const fourth = await make(alias([part(third.id)]));
    expect((await call('POST', '', { body: alias([part(fourth.id)]) })).status).toBe(400);
    // Nor by lowering what stands under the tower.
    expect((await link(second.id, (await make(alias([part(a.id)]))).id)).status).toBe(400);
    // A circle in the rows does not hang whoever uses it.
    await write(`update remote_parts set part_id = $2 where remote_id = $1`, [second.id, fourth.id]);
    await expect(engineRemote(fourth.id, newId(), 'admin')).rejects.toMatchObject({ status: 400 });
  });

  it.each([
    [{ type: 'alias', parts: [] }, '/parts'],
    [{ type: 'alias' }, '/parts'],
    [{ type: 'alias', parts: [part(newId()), part(newId())] }, '/parts'],
    [{ type: 'alias', parts: [part(newId(), '/a/../b')] }, '/parts/0/path'],
    [{ type: 'alias', parts: [part(newId(), '/\uff0e\uff0e')] }, '/parts/0/path'],
    [{ type: 'alias', parts: [part('jail,remote=/etc:')] }, '/parts/0/remoteId'],
    [{ type: 'alias', parts: [part(':local:/')] }, '/parts/0/remoteId'],
    [{ type: 'alias', parts: [part(newId(), '/', { readOnly: true })] }, '/parts/0/readOnly'],
    [{ type: 'alias', options: { remote: '/etc' }, parts: [part(newId())] }, '/options'],
    [{ type: 'combine', parts: [part(newId())] }, '/parts/0/name'],
    [{ type: 'combine', parts: [part(newId(), '/', { name: 'a=b' })] }, '/parts/0/name'],
    [{ type: 'combine', parts: [part(newId(), '/', { name: '..' })] }, '/parts/0/name'],
    [
      { type: 'combine', parts: ['é', 'e\u0301'].map((name) => part(newId(), '/', { name })) },
      '/parts/1/name',
    ],
    [{ type: 'union', parts: Array.from({ length: 17 }, () => part(newId())) }, '/parts'],
  ])('refuse %j', async (body, pointer) => {
    const answer = await call('POST', '', { body: { name: 'refused', ...body } });
    expect([answer.status, answer.body.errors[0]?.pointer]).toEqual([400, pointer]);
  });
});
