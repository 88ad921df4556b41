import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  PermissionsDesk,
  allowing,
  denying,
  match,
  type Person,
} from '../../../../test/factories/remote-permissions.js';
import { TestApp, type CallOptions } from '../../../../test/harness/app.js';
import { newId } from '../../../kernel/database/index.js';

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
    [
      'more than 2,000 folders together',
      {
        permissions: [],
        pathRules: Array.from({ length: 20 }, (_, index) => ({ path: `/${index}${'/a'.repeat(101)}` })),
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
