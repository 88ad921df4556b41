import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  PermissionsDesk,
  actorOf,
  allowing,
  denying,
  match,
  type PermissionBody as Body,
} from '../../../../test/factories/remote-permissions.js';
import { TestApp, type Answer } from '../../../../test/harness/app.js';
import { withClient } from '../../../../test/harness/database.js';
import { until } from '../../../../test/harness/until.js';
import { Database, newId } from '../../../kernel/database/index.js';
import { parseRemotePath as p } from '../remote-path.js';
import type { Right } from './path-rules.js';
import { RemoteAccess } from './remote-access.js';

let app: TestApp;
let desk: PermissionsDesk;
beforeAll(async () => {
  app = await TestApp.start();
  desk = new PermissionsDesk(app);
});
afterAll(() => app.stop());

const call: PermissionsDesk['call'] = (...given) => desk.call(...given);
const remote: PermissionsDesk['remote'] = (...given) => desk.remote(...given);
const put: PermissionsDesk['put'] = (...given) => desk.put(...given);

describe('a remote somebody was given', () => {
  it('is in their list with what they may do, without where it is', async () => {
    const [owner, user] = [await app.user(), await app.user()];
    const id = await remote(owner);
    expect((await call('GET', '', user)).body.items).toEqual([]);
    await put(id, user, ['read', 'write']);
    const shown = { id, permissions: ['read', 'write'], root: null };
    expect((await call('GET', '', user)).body.items).toMatchObject([shown]);
    expect((await call('GET', `/${id}`, user)).body).toMatchObject(shown);
    expect((await call('GET', '', owner)).body.items).toMatchObject([
      { id, permissions: ['read', 'write', 'delete', 'admin'] },
    ]);
    for (const [method, body] of [
      ['PATCH', { name: 'mine' }],
      ['DELETE', undefined],
    ] as const) {
      const refused = await call(method, `/${id}`, { token: user.token, body, ...match('*') });
      expect(refused).toMatchObject({ status: 403, body: { code: 'remote_permission_required' } });
    }
    expect((await call('GET', `/${id}/usage`, user)).status).toBe(200);
    expect((await call('POST', `/${id}/check`, user)).status).toBe(200);
  });

  it.each<[string, object]>([
    ['not active', { permissions: ['read'], isActive: false }],
    ['without any right', { permissions: [] }],
  ])('does not exist when the permission is %s', async (_, body) => {
    const [id, user] = [await remote(), await app.user()];
    await call('PUT', `/${id}/permissions/${user.id}`, { body });
    expect((await call('GET', `/${id}`, user)).status).toBe(404);
    expect((await call('GET', `/${id}/files`, user)).status).toBe(404);
    expect((await call('GET', `/${id}/permissions/explain?action=read`, user)).status).toBe(404);
    expect((await call('GET', '', user)).body.items).toEqual([]);
    const asked = await call('GET', `/${id}/permissions/explain?action=read&userId=${user.id}`);
    expect(asked.body).toMatchObject({
      allowed: false,
      reason: 'unknown',
      rule: null,
      tree: { answer: 'none' },
    });
  });

  it('cannot be used from the moment the right is withdrawn', async () => {
    const [id, user] = [await remote(), await app.user()];
    await put(id, user, ['read']);
    expect((await call('GET', `/${id}/usage`, user)).status).toBe(200);
    await put(id, user, ['write']);
    expect((await call('GET', `/${id}/usage`, user)).status).toBe(403);
    await call('DELETE', `/${id}/permissions/${user.id}`);
    expect((await call('GET', `/${id}/usage`, user)).status).toBe(404);
  });

  it('goes with the remote', async () => {
    const [id, user] = [await remote(), await app.user()];
    await put(id, user, ['read']);
    expect((await call('DELETE', `/${id}`, match('*'))).status).toBe(204);
    expect((await call('GET', `/${id}/permissions/${user.id}`)).status).toBe(404);
  });

  it('takes jobs only from who may do what they do there', async () => {
    const [source, target, user] = [await remote(), await remote(), await app.user()];
    const copy = (from: string, to: string): Promise<Answer<Body>> =>
      app.call<Body>('POST', '/api/jobs', {
        token: user.token,
        body: {
          type: 'copy',
          payload: { source: { remoteId: source, path: from }, destination: { remoteId: target, path: to } },
        },
      });
    expect((await copy('/', '/')).body).toMatchObject({ code: 'not_found' });
    await put(source, user, ['read'], [denying('/**', 'read')]);
    await put(target, user, ['read']);
    expect((await copy('/', '/')).body).toMatchObject({ code: 'remote_permission_required' });
    await put(source, user, ['read'], [denying('/**/*.key', 'read')]);
    expect((await copy('/', '/')).body.detail).toContain('"write"');
    await put(target, user, ['write'], [allowing('/inbox', 'write')]);
    expect((await copy('/', '/')).body).toMatchObject({ code: 'remote_permission_required' });
    expect((await copy('/', '/inbox/x')).status).toBe(202);
  });
});

it('a job that waits is failed when a right it needs is withdrawn', async () => {
  const [id, target, user] = [await remote(), await remote(), await app.user()];
  await put(id, user, ['read']);
  await put(target, user, ['write']);
  const failed = async (withdraw: () => Promise<unknown>): Promise<string | null> => {
    const payload = { source: { remoteId: id, path: '/' }, destination: { remoteId: target, path: '/' } };
    const { body } = await app.call<{ id: string }>('POST', '/api/jobs', {
      token: user.token,
      body: { type: 'copy', payload, scheduledFor: '2099-01-01T00:00:00Z' },
    });
    await withdraw();
    await withClient(app.settings.databaseUrl ?? '', (client) =>
      client.query('update jobs set run_at = now() where id = $1', [body.id]),
    );
    return until(
      async () => {
        const { body: job } = await app.call<{ status: string; error: string }>(
          'GET',
          `/api/jobs/${body.id}`,
        );
        return job.status === 'failed' ? job.error : null;
      },
      { describe: 'the job has failed' },
    );
  };
  expect(await failed(() => put(target, user, ['read']))).toContain('"write"');
  await put(target, user, ['write']);
  expect(await failed(() => put(target, user, ['write'], [denying('/**', 'write')]))).toContain('/**');
  await put(target, user, ['write']);
  expect(await failed(() => call('DELETE', `/${id}/permissions/${user.id}`))).toContain(
    'no such source remote',
  );
});

describe('explaining', () => {
  it('says the rule, and what there is to say of a folder', async () => {
    const [id, user] = [await remote(), await app.user()];
    const secret = denying('/team/secret', 'read');
    await put(
      id,
      user,
      ['read', 'write'],
      [allowing('/team', 'read', 'write'), secret, denying('/**/*.key', 'write')],
    );
    const explain = async (action: Right, place: string): Promise<Body> =>
      (await call('GET', `/${id}/permissions/explain?action=${action}&path=${place}`, user)).body;
    expect(await explain('read', '/team')).toEqual({
      userId: user.id,
      action: 'read',
      path: '/team',
      allowed: true,
      reason: 'rule_allows',
      rule: allowing('/team', 'read', 'write'),
      tree: { answer: 'partial', hidden: ['secret'], rules: [secret] },
    });
    expect(await explain('write', '/team/x')).toMatchObject({
      allowed: true,
      tree: { answer: 'partial', hidden: ['**/*.key'], rules: [{ path: '/**/*.key' }] },
    });
    expect(await explain('delete', '/')).toMatchObject({ reason: 'right_missing', rule: null });
    expect(await explain('read', '/')).toMatchObject({
      reason: 'no_rule_allows',
      tree: { answer: 'partial', hidden: null },
    });
  });

  it('knows admins and the owner', async () => {
    const [owner, admin] = [await app.user(), await app.user('admin')];
    const id = await remote(owner);
    for (const [who, reason] of [
      [owner, 'owner'],
      [admin, 'admin'],
    ] as const) {
      const { body } = await call('GET', `/${id}/permissions/explain?action=delete&userId=${who.id}`);
      expect(body).toMatchObject({
        allowed: true,
        reason,
        rule: null,
        tree: { answer: 'all', hidden: [], rules: [] },
      });
    }
    const nobody = await call('GET', `/${id}/permissions/explain?action=read&userId=${newId()}`);
    expect(nobody.status).toBe(404);
  });

  it.each([
    'action=',
    'action=own',
    'action=READ',
    'action=read&path=/a/../b',
    'action=read&userId=me',
    'action=read&why=1',
  ])('refuses ?%s', async (asked) => {
    expect((await call('GET', `/${newId()}/permissions/explain?${asked}`)).status).toBe(400);
  });
});

describe('at the same moment', () => {
  it('one of several first ones makes it, and the others are told to look', async () => {
    const [id, user] = [await remote(), await app.user()];
    const answers = await Promise.all([1, 2, 3, 4].map(() => put(id, user, ['read'], [], {})));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 428, 428, 428]);
  });

  it('one of two who have read the same replaces it', async () => {
    const [id, user] = [await remote(), await app.user()];
    await put(id, user, ['read']);
    const [one, two] = await Promise.all([
      put(id, user, ['read', 'write'], [], match('"1"')),
      put(id, user, ['read', 'delete'], [], match('"1"')),
    ]);
    expect([one.status, two.status].toSorted((a, b) => a - b)).toEqual([200, 412]);
  });

  it('two who manage it cannot take it from each other and both lose it', async () => {
    const [id, ann, bob] = [await remote(), await app.user(), await app.user()];
    await put(id, ann, ['admin']);
    await put(id, bob, ['admin']);
    const [one, two] = await Promise.all([
      call('DELETE', `/${id}/permissions/${bob.id}`, { token: ann.token }),
      call('DELETE', `/${id}/permissions/${ann.id}`, { token: bob.token }),
    ]);
    expect([one.status, two.status].toSorted((a, b) => a - b)).toEqual([204, 404]);
  });

  it('a person who is erased has nothing afterwards', async () => {
    const [id, ...people] = [await remote(), ...(await Promise.all([1, 2, 3, 4].map(() => app.user())))];
    await Promise.all(
      people.flatMap((user) => [
        put(id, user, ['read']),
        app.call('DELETE', `/api/users/${user.id}`),
        put(id, user, ['read', 'write']),
      ]),
    );
    expect((await call('GET', `/${id}/permissions`)).body.items).toEqual([]);
    expect((await put(id, people[0]!, ['read'])).status).toBe(404);
  });
});

describe('the rows', () => {
  it('name nobody who is erased, as giver either', async () => {
    const [admin, user] = [await app.user('admin'), await app.user()];
    const id = await remote();
    const given = await put(id, user, ['read'], [], { token: admin.token });
    expect(given.body.createdBy).toBe(admin.id);
    await app.call('DELETE', `/api/users/${admin.id}`);
    expect((await call('GET', `/${id}/permissions/${user.id}`)).body.createdBy).toBeNull();
  });

  it('are found by a rule of theirs along the index (S1-45)', async () => {
    const owner = await app.user();
    const id = await remote(owner);
    await withClient(app.settings.databaseUrl ?? '', async (client) => {
      await client.query('begin');
      await client.query(
        `insert into users (id, email, email_key)
         select ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, n || '@rules.test', n || '@rules.test'
           from generate_series(1, 3000) n`,
      );
      await client.query(
        `insert into remote_permissions (id, user_id, remote_id, permissions, path_rules)
         select gen_random_uuid(), ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, $1, '{read}',
                jsonb_build_array(jsonb_build_object('path', '/folder ' || n, 'allow', '["read"]'::jsonb, 'deny', '[]'::jsonb))
           from generate_series(1, 3000) n`,
        [id],
      );
      await client.query('analyze remote_permissions');
      const text = `select user_id from remote_permissions where path_rules @> $1`;
      const values = [JSON.stringify([{ path: '/folder 7' }])];
      const plan = await client.query<{ 'QUERY PLAN': string }>(`explain ${text}`, values);
      const lines = plan.rows.map((row) => row['QUERY PLAN']).join('\n');
      const { rows } = await client.query<{ user_id: string }>(text, values);
      await client.query('rollback');
      expect(lines).toContain('remote_permissions_path_rules_idx');
      expect(rows).toEqual([{ user_id: '00000000-0000-7000-8000-000000000007' }]);
    });
  });

  it('are asked for by their key, once for a question', async () => {
    const [id, user] = [await remote(), await app.user()];
    await put(id, user, ['read'], [denying('/x', 'read')]);
    const access = app.get(RemoteAccess);
    const { read } = app.get(Database).as(actorOf(user));
    expect(await access.may(read, actorOf(user), id, 'read', p('/x/y'))).toMatchObject({
      reason: 'rule_denies',
    });
    expect(await access.tree(read, actorOf(user), id, 'read', p('/'))).toMatchObject({ hidden: ['x'] });
    const standing = await access.demandRight(read, actorOf(user), id, 'read');
    expect(standing.filter()?.shows(p('/x'), true)).toBe(false);
    await expect(access.demand(read, actorOf(user), id, 'read', p('/x'))).rejects.toMatchObject({
      status: 403,
    });
    const other = await remote();
    expect(await access.may(read, actorOf(user), other, 'read', p('/'))).toMatchObject({ reason: 'unknown' });
    await expect(access.demandRight(read, actorOf(user), other, 'read')).rejects.toMatchObject({
      status: 404,
    });
  });

  it('compare names as the remotes do that a remote is made of', async () => {
    const user = await app.user();
    const [outer, middle, inner] = [await remote(), await remote(), await remote()];
    await withClient(app.settings.databaseUrl ?? '', async (client) => {
      await client.query(`update remotes set type = 'alias' where id = any ($1)`, [[outer, middle]]);
      await client.query(`update remotes set type = 'onedrive' where id = $1`, [inner]);
      await client.query(
        `insert into remote_parts (remote_id, position, part_id, path) values ($1, 0, $2, ''), ($2, 0, $3, '')`,
        [outer, middle, inner],
      );
    });
    await put(outer, user, ['read'], [denying('/Secret', 'read')]);
    const { read } = app.get(Database).as(actorOf(user));
    const verdict = await app.get(RemoteAccess).may(read, actorOf(user), outer, 'read', p('/SECRET'));
    expect(verdict.reason).toBe('rule_denies');
  });
});
