import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApp, type Answer, type CallOptions } from '../../../../test/harness/app.js';
import { withClient } from '../../../../test/harness/database.js';
import type { Actor } from '../../../kernel/auth/index.js';
import { Database, newId } from '../../../kernel/database/index.js';
import { UsersService } from '../../users/index.js';
import { parseRemotePath } from '../remote-path.js';
import type { PathRule, Right } from './path-rules.js';
import { RemoteAccess } from './remote-access.js';
import type { Explanation, PermissionView } from './remote-permissions.schema.js';

let app: TestApp;
beforeAll(async () => {
  app = await TestApp.start();
});
afterAll(() => app.stop());

interface Body extends PermissionView, Explanation {
  readonly id: string;
  readonly code: string;
  readonly detail: string;
  readonly errors: { pointer: string; code: string }[];
  readonly items: PermissionView[];
  readonly nextCursor: string | null;
  readonly root: string | null;
}
type Person = Awaited<ReturnType<TestApp['user']>>;

const call = (method: string, place: string, options?: CallOptions): Promise<Answer<Body>> =>
  app.call<Body>(method, `/api/remotes${place}`, options);
const match = (tag: string | null): { headers: Record<string, string> } => ({
  headers: { 'if-match': tag ?? '' },
});
const p = parseRemotePath;

let made = 0;
/** A remote of `owner`, the admin unless told; only admins may make local ones over the API. */
async function remote(owner?: Person): Promise<string> {
  const name = `permissions ${(made += 1)}`;
  const root = path.join(app.settings.localRoots[0] ?? '', name);
  const { status, body } = await call('POST', '', { body: { type: 'local', name, root } });
  expect(status).toBe(201);
  if (owner)
    await withClient(app.settings.databaseUrl ?? '', (client) =>
      client.query('update remotes set owner_id = $2 where id = $1', [body.id, owner.id]),
    );
  return body.id;
}

const allowing = (place: string, ...allow: PathRule['allow']): PathRule => ({ path: place, allow, deny: [] });
const denying = (place: string, ...deny: PathRule['deny']): PathRule => ({ path: place, allow: [], deny });

const put = (
  id: string,
  { id: userId }: Pick<Person, 'id'>,
  permissions: Right[],
  pathRules: PathRule[] = [],
  options: CallOptions = match('*'),
): Promise<Answer<Body>> =>
  call('PUT', `/${id}/permissions/${userId}`, { body: { permissions, pathRules }, ...options });

const actorOf = ({ id: userId }: Person): Actor => ({ type: 'user', userId, role: 'user', sessionId: 's' });

describe('giving permissions', () => {
  it('makes, replaces by version, and withdraws', async () => {
    const [id, user] = [await remote(), await app.user()];
    const rules = [allowing('/public', 'read'), denying('/public/secret', 'read')];
    const first = await put(id, user, ['read'], rules, {});
    expect([first.status, first.headers.get('etag')]).toEqual([200, '"1"']);
    expect(first.body).toMatchObject({
      userId: user.id,
      remoteId: id,
      permissions: ['read'],
      isActive: true,
    });
    expect(first.body.pathRules).toEqual(rules);

    expect((await put(id, user, ['write'], [], {})).body.code).toBe('precondition_required');
    expect((await put(id, user, ['write'], [], match('"7"'))).status).toBe(412);
    const second = await put(id, user, ['read', 'write'], [], match('"1"'));
    expect([second.status, second.headers.get('etag')]).toEqual([200, '"2"']);
    const { status, headers, body } = await call('GET', `/${id}/permissions/${user.id}`);
    expect([status, headers.get('etag'), body]).toEqual([200, '"2"', second.body]);

    expect((await call('DELETE', `/${id}/permissions/${user.id}`, match('"1"'))).status).toBe(412);
    expect((await call('DELETE', `/${id}/permissions/${user.id}`)).status).toBe(204);
    expect((await call('DELETE', `/${id}/permissions/${user.id}`)).status).toBe(404);
    expect((await call('GET', `/${id}/permissions/${user.id}`)).status).toBe(404);
    expect((await put(id, user, ['read'], [], match('"2"'))).status).toBe(412);
  });

  it('keeps paths in one form, and says what is not given', async () => {
    const [id, user] = [await remote(), await app.user()];
    const { body } = await call('PUT', `/${id}/permissions/${user.id}`, {
      body: { permissions: [], pathRules: [{ path: 'a//b/' }, { path: '**/*.key', deny: ['read'] }] },
    });
    expect(body.pathRules).toEqual([allowing('/a/b'), denying('/**/*.key', 'read')]);
  });

  it('lists them by page, and those with a rule for one path', async () => {
    const id = await remote();
    const people = [await app.user(), await app.user(), await app.user()];
    for (const user of people) await put(id, user, ['read']);
    await put(id, people[1]!, ['read'], [allowing('/public/*', 'read'), denying('/x', 'read')]);
    const first = await call('GET', `/${id}/permissions?limit=2`);
    expect(first.body.items.map(({ userId }) => userId)).toEqual([people[2]!.id, people[1]!.id]);
    const rest = await call('GET', `/${id}/permissions?limit=2&cursor=${first.body.nextCursor}`);
    expect([rest.body.items.map(({ userId }) => userId), rest.body.nextCursor]).toEqual([
      [people[0]!.id],
      null,
    ]);
    const found = await call('GET', `/${id}/permissions?path=${encodeURIComponent('/public/*')}`);
    expect(found.body.items.map(({ userId }) => userId)).toEqual([people[1]!.id]);
    expect((await call('GET', `/${id}/permissions?path=/public`)).body.items).toEqual([]);
  });

  it('is written down with who did it', async () => {
    const [id, user] = [await remote(), await app.user()];
    const long = Array.from({ length: 10 }, (_, index) => denying(`/${index}${'x'.repeat(1_000)}`, 'read'));
    await put(id, user, ['read'], [denying('/x', 'read')]);
    await put(id, user, ['read', 'write'], long);
    await call('DELETE', `/${id}/permissions/${user.id}`);
    const { body } = await app.call<{ items: { action: string; details: object }[] }>(
      'GET',
      `/api/audit-logs?resourceId=${id}`,
    );
    const one = { permissions: ['read'], isActive: true, pathRules: [denying('/x', 'read')] };
    const two = { permissions: ['read', 'write'], isActive: true, pathRules: { count: 10 } };
    expect(body.items.slice(0, 3).map(({ action, details }) => [action, details])).toEqual([
      ['remote_permission.delete', { userId: user.id, from: two }],
      ['remote_permission.update', { userId: user.id, from: one, to: two }],
      ['remote_permission.create', { userId: user.id, to: one }],
    ]);
  });

  const rule = { path: '/x', allow: ['read'], deny: [] };
  it.each<[string, object, string]>([
    ['no permissions', {}, '/permissions'],
    ['a text', { permissions: 'read' }, '/permissions'],
    ['an unknown right', { permissions: ['read', 'own'] }, '/permissions/1'],
    ['a right of another case', { permissions: ['READ'] }, '/permissions/0'],
    ['a right twice', { permissions: ['read', 'read'] }, '/permissions'],
    ['an unknown field', { permissions: [], role: 'admin' }, '/role'],
    ['isActive as a text', { permissions: [], isActive: 'true' }, '/isActive'],
    ['rules as an object', { permissions: [], pathRules: { 0: rule } }, '/pathRules'],
    ['a rule without a path', { permissions: [], pathRules: [{ allow: [] }] }, '/pathRules/0/path'],
    ['an empty path', { permissions: [], pathRules: [rule, { ...rule, path: '' }] }, '/pathRules/1/path'],
    ['..', { permissions: [], pathRules: [rule, { path: '/a/../b' }] }, '/pathRules/1/path'],
    ['fullwidth ..', { permissions: [], pathRules: [{ path: '/\uff0e\uff0e/b' }] }, '/pathRules/0/path'],
    ['a line break', { permissions: [], pathRules: [{ path: '/a\n/b' }] }, '/pathRules/0/path'],
    ['half a character', { permissions: [], pathRules: [{ path: '/\ud800' }] }, '/pathRules/0/path'],
    [
      '4 KiB and more',
      { permissions: [], pathRules: [{ path: `/${'한'.repeat(1_366)}` }] },
      '/pathRules/0/path',
    ],
    ['257 folders', { permissions: [], pathRules: [{ path: '/a'.repeat(257) }] }, '/pathRules/0/path'],
    [
      'an unknown field of a rule',
      { permissions: [], pathRules: [{ ...rule, glob: '/' }] },
      '/pathRules/0/glob',
    ],
    [
      'managing by path',
      { permissions: [], pathRules: [{ ...rule, allow: ['admin'] }] },
      '/pathRules/0/allow/0',
    ],
    [
      'a right twice in a rule',
      { permissions: [], pathRules: [{ ...rule, deny: ['read', 'read'] }] },
      '/pathRules/0/deny',
    ],
    ['a path twice', { permissions: [], pathRules: [rule, { path: 'x/' }] }, '/pathRules/1/path'],
    [
      'a path twice, once decomposed',
      { permissions: [], pathRules: [{ path: '/\u00e9' }, rule, { path: '/e\u0301' }] },
      '/pathRules/2/path',
    ],
    [
      '101 rules',
      { permissions: [], pathRules: Array.from({ length: 101 }, (_, index) => ({ path: `/${index}` })) },
      '/pathRules',
    ],
    [
      '64 KiB of paths',
      {
        permissions: [],
        pathRules: Array.from({ length: 20 }, (_, index) => ({ path: `/${index}${'x'.repeat(4_000)}` })),
      },
      '/pathRules',
    ],
  ])('refuses %s, naming the field', async (_, body, pointer) => {
    const { status, body: problem } = await call('PUT', `/${newId()}/permissions/${newId()}`, { body });
    expect([status, problem.errors.map((error) => error.pointer)]).toEqual([400, [pointer]]);
  });

  it('takes 100 rules of every script, and one of 100 **', async () => {
    const [id, user] = [await remote(), await app.user()];
    const names = ['فارسی', '한국어', 'ไทย', 'Русский', '😀', 'e\u0301', '-rf', ' ', '[x]{y}', '\\'];
    const rules = Array.from({ length: 99 }, (_, index) =>
      allowing(`/${names[index % 10]}/${index}/?*`, 'read'),
    );
    const { status, body } = await put(id, user, ['read'], [...rules, denying('/**/a'.repeat(100), 'read')]);
    expect([status, body.pathRules.length]).toEqual([200, 100]);
    const asked = await call(
      'GET',
      `/${id}/permissions/explain?userId=${user.id}&action=read&path=/${'a/'.repeat(99)}`,
    );
    expect(asked.body).toMatchObject({ allowed: false, reason: 'no_rule_allows' });
    const denied = await call(
      'GET',
      `/${id}/permissions/explain?userId=${user.id}&action=read&path=/${'a/'.repeat(101)}`,
    );
    expect(denied.body).toMatchObject({ allowed: false, reason: 'rule_denies', rule: { deny: ['read'] } });
  });

  it('knows nobody who is not there, and needs none for the owner', async () => {
    const [owner, someone] = [await app.user(), await app.user()];
    const id = await remote(owner);
    expect((await put(id, { id: newId() }, ['read'])).body).toMatchObject({ code: 'not_found' });
    expect((await put(newId(), someone, ['read'])).body).toMatchObject({ code: 'not_found' });
    expect((await put(id, owner, ['read'])).body).toMatchObject({ code: 'owner_has_every_right' });
  });
});

describe('who may give them', () => {
  it('is the owner, admins, and who manages the remote; it does not exist for others', async () => {
    const [owner, manager, reader, stranger, target] = (await Promise.all(
      Array.from({ length: 5 }, () => app.user()),
    )) as [Person, Person, Person, Person, Person];
    const id = await remote(owner);
    await put(id, manager, ['admin']);
    await put(id, reader, ['read']);
    const as = ({ token }: Person): CallOptions => ({ token, ...match('*') });
    for (const [who, status, code] of [
      [owner, 200, undefined],
      [manager, 200, undefined],
      [reader, 403, 'remote_permission_required'],
      [stranger, 404, 'not_found'],
    ] as const) {
      const listed = await call('GET', `/${id}/permissions`, as(who));
      const given = await put(id, target, ['read'], [], as(who));
      expect([listed.status, listed.body.code, given.status, given.body.code]).toEqual([
        status,
        code,
        status,
        code,
      ]);
      const seen = await call('GET', `/${id}/permissions/${target.id}`, as(who));
      const asked = await call('GET', `/${id}/permissions/explain?userId=${target.id}&action=read`, as(who));
      expect([seen.status, asked.status]).toEqual([status, status]);
    }
    expect((await call('DELETE', `/${id}/permissions/${target.id}`, as(reader))).status).toBe(403);
    expect((await call('DELETE', `/${id}/permissions/${target.id}`, as(stranger))).status).toBe(404);
    expect((await call('DELETE', `/${id}/permissions/${target.id}`, as(manager))).status).toBe(204);
    // Themselves they may look at, and not change.
    expect((await call('GET', `/${id}/permissions/${reader.id}`, as(reader))).status).toBe(200);
    expect((await put(id, manager, ['read', 'admin'], [], as(manager))).body.code).toBe('own_permission');
    expect((await call('DELETE', `/${id}/permissions/${manager.id}`, as(manager))).body.code).toBe(
      'own_permission',
    );
  });

  it('managing is neither reading nor seeing what rules keep back', async () => {
    const [id, manager] = [await remote(), await app.user()];
    await put(id, manager, ['admin']);
    const { token } = manager;
    expect((await call('GET', `/${id}`, { token })).body).toMatchObject({ permissions: ['admin'] });
    expect((await call('GET', `/${id}/files`, { token })).body.code).toBe('remote_permission_required');
    const renamed = await call('PATCH', `/${id}`, { token, ...match('*'), body: { name: `renamed ${id}` } });
    expect(renamed.status).toBe(200);
    await put(id, manager, ['admin', 'read'], [denying('/secret', 'read')]);
    const asked = await call('GET', `/${id}/permissions/explain?action=read&path=/secret/x`, { token });
    expect(asked.body).toMatchObject({ allowed: false, reason: 'rule_denies', rule: { path: '/secret' } });
  });
});

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
    await put(source, user, ['read'], [denying('/**/*.key', 'read')]);
    await put(target, user, ['read']);
    expect((await copy('/', '/')).body).toMatchObject({ code: 'remote_permission_required' });
    await put(source, user, ['read'], []);
    expect((await copy('/', '/')).body.detail).toContain('"write"');
    await put(target, user, ['write'], [allowing('/inbox', 'write')]);
    expect((await copy('/', '/')).body).toMatchObject({ code: 'remote_permission_required' });
    expect((await copy('/', '/inbox/x')).status).toBe(202);
  });
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
      tree: { answer: 'partial', hidden: null, rules: [{ path: '/**/*.key' }] },
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

  it.each(['', 'action=own', 'action=read&path=/a/../b', 'action=read&userId=me', 'action=read&why=1'])(
    'refuses ?%s',
    async (asked) => {
      expect((await call('GET', `/${newId()}/permissions/explain?${asked}`)).status).toBe(400);
    },
  );
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
    expect((await access.visible(read, actorOf(user), id))?.shows(p('/x'), true)).toBe(false);
    expect(await access.demandTree(read, actorOf(user), id, 'read', p('/'))).toEqual(['x']);
    await expect(
      access.demandTree(read, actorOf(user), id, 'read', p('/'), { whole: true }),
    ).rejects.toMatchObject({
      code: 'remote_permission_required',
      message: expect.stringContaining('/x') as string,
    });
    await expect(access.demand(read, actorOf(user), id, 'read', p('/x'))).rejects.toMatchObject({
      status: 403,
    });
    const other = await remote();
    expect(await access.may(read, actorOf(user), other, 'read', p('/'))).toMatchObject({ reason: 'unknown' });
    await expect(access.visible(read, actorOf(user), other)).rejects.toMatchObject({ status: 404 });
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
    expect(await app.get(UsersService).find(read, user.id)).not.toBeNull();
  });
});
