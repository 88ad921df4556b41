import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApp, type Answer, type CallOptions } from '../../../test/harness/app.js';
import { openDatabase, type OpenDatabase } from '../../../test/harness/open-database.js';
import { Database, execute, newId, query } from '../../kernel/database/index.js';
import type { EngineRemote } from './engine/transfer-engine.js';
import { RemotesRepository } from './remotes.repository.js';
import type { RemoteView } from './remotes.schema.js';
import { RemotesService } from './remotes.service.js';

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
async function make(body: object, options: CallOptions = {}): Promise<Body> {
  const answer = await call('POST', '', { body, ...options });
  expect([answer.status, answer.body.detail]).toEqual([201, undefined]);
  return answer.body;
}
const engineRemote = (id: string, userId: string, role: 'user' | 'admin' = 'user'): Promise<EngineRemote> => {
  const actor = { type: 'user', userId, role, sessionId: userId } as const;
  return app.get(RemotesService).forEngine(app.get(Database).as(actor).read, actor, id, 'remote');
};
const write = (text: string, values: unknown[]): Promise<number> => execute(sql.database.read, text, values);

describe('secrets', () => {
  it('go in and never come out', async () => {
    const user = await app.user();
    const options = { token: user.token };
    const made = await call('POST', '', { body: sftp(), ...options });
    const { id } = made.body;
    const answers = [
      made,
      await call('GET', `/${id}`, options),
      await app.call('GET', '/api/remotes', options),
      await call('PATCH', `/${id}`, {
        ...options,
        headers: match,
        body: { secrets: { password: `${MARKER}2` } },
      }),
      await call('PATCH', `/${id}`, {
        ...options,
        headers: match,
        body: { secrets: { password: `${MARKER}\n` } },
      }),
      await call('PATCH', `/${id}`, {
        ...options,
        headers: match,
        body: { secrets: { password: [MARKER] } },
      }),
      await call('POST', '', { ...options, body: sftp({}, { password: MARKER, other: MARKER }) }),
      await call('POST', `/${id}/check`, options),
      await call('GET', `/${id}/usage`, options),
      await call('GET', `/${id}/files`, options),
      await call('DELETE', `/${(await make(sftp(), options)).id}`, { ...options, headers: match }),
    ];
    expect(answers.map(({ status }) => status).slice(0, 7)).toEqual([201, 200, 200, 200, 400, 400, 400]);
    expect(made.body).toMatchObject({
      hasSecrets: true,
      secrets: ['password'],
      options: { user: 'someone' },
    });
    expect(JSON.stringify(answers.map(({ body }) => body))).not.toContain(MARKER);
    const tables = await query<{ table: string }>(
      sql.database.read,
      `select format('%I', tablename) as table from pg_tables where schemaname = 'public'`,
    );
    for (const { table } of tables) {
      const rows = await query<{ found: string }>(
        sql.database.system('a test').read,
        `select t::text as found from ${table} t where t::text like '%' || $1 || '%'
            or t::text like '%' || encode($1::bytea, 'hex') || '%'`,
        [MARKER],
      );
      expect([table, rows]).toEqual([table, []]);
    }
    expect((await engineRemote(id, user.id)).options['pass']).toBe(`${MARKER}2`);
  });

  it('stay when they are absent and go with null', async () => {
    const { id } = await make(sftp());
    const patch = (body: object) => call('PATCH', `/${id}`, { headers: match, body });
    expect((await patch({ options: { user: 'another' } })).body).toMatchObject({ secrets: ['password'] });
    expect((await patch({ secrets: { password: null } })).body.errors).toMatchObject([
      { pointer: '/secrets/password' },
    ]);
    const { id: ftp } = await make({
      type: 'ftp',
      name: 'an ftp',
      options: { host: '2001:4860::dead', user: 'u' },
      secrets: { password: MARKER },
    });
    const gone = await call('PATCH', `/${ftp}`, { headers: match, body: { secrets: { password: null } } });
    expect(gone.body).toMatchObject({ hasSecrets: false, secrets: [] });
  });

  it('are not sent to a place that was changed without them', async () => {
    const { id } = await make(sftp());
    const patch = (body: object) => call('PATCH', `/${id}`, { headers: match, body });
    const elsewhere = { options: { host: '2001:4860::beef' } };
    expect(await patch(elsewhere)).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/secrets/password', code: 'secret_required' }] },
    });
    expect((await patch({ ...elsewhere, secrets: { password: 'new' } })).status).toBe(200);
  });

  it('that no key opens can be entered again', async () => {
    const user = await app.user();
    const { id } = await make(sftp(), { token: user.token });
    await write(`update remotes set secrets = 'broken' where id = $1`, [id]);
    await expect(engineRemote(id, user.id)).rejects.toMatchObject({ code: 'remote_secrets_unreadable' });
    expect((await call('GET', `/${id}`)).status).toBe(200);
    const body = { secrets: { password: 'again' } };
    expect((await call('PATCH', `/${id}`, { headers: match, body })).status).toBe(200);
    expect((await engineRemote(id, user.id)).options).toMatchObject({ pass: 'again' });
  });

  it('of one remote are of no use in another row', async () => {
    const user = await app.user();
    const [one, other] = [
      await make(sftp(), { token: user.token }),
      await make(sftp(), { token: user.token }),
    ];
    await write(`update remotes set secrets = (select secrets from remotes where id = $2) where id = $1`, [
      one.id,
      other.id,
    ]);
    await expect(engineRemote(one.id, user.id)).rejects.toMatchObject({ code: 'remote_secrets_unreadable' });
  });
});

describe('a token that was renewed', () => {
  const token = (name: string) => JSON.stringify({ access_token: name, refresh_token: 'r' });

  it('is kept when nobody was faster', async () => {
    const user = await app.user();
    const body = { type: 'dropbox', name: 'a box', secrets: { token: token('1') } };
    const { id } = await make(body, { token: user.token });
    const service = app.get(RemotesService);
    const before = await engineRemote(id, user.id);
    const version = before.secretsVersion ?? 0;
    const answers = await Promise.all(['2', '3'].map((name) => service.renewToken(id, version, token(name))));
    expect(answers.filter((kept) => kept)).toHaveLength(1);
    const after = await engineRemote(id, user.id);
    expect(after.options['token']).toBe(token(answers[0] ? '2' : '3'));
    expect(after.version).toBeGreaterThan(before.version);
    expect((await call('GET', `/${id}`)).headers.get('etag')).toBe('"1"');
    const used = String(after.options['token']);
    expect(await service.renewToken(id, token('1'), token('4'))).toBe(false);
    expect(await service.renewToken(id, used, 'no token')).toBe(false);
    expect(await service.renewToken(id, used, token('4'))).toBe(true);
    expect((await engineRemote(id, user.id)).options['token']).toBe(token('4'));
    expect(await service.renewToken(newId(), 1, token('4'))).toBe(false);
    const { id: other } = await make(sftp());
    expect(await service.renewToken(other, 1, token('5'))).toBe(false);
  });
});

describe('what is written straight into the row', () => {
  it.each([
    [{ bearer_token_command: 'touch /tmp/x' }, 'bearer_token_command'],
    [{ ssh: 'touch /tmp/x' }, 'ssh'],
    [{ keyFile: '/etc/passwd' }, 'keyFile'],
    [{ env_auth: true }, 'env_auth'],
    [{ host: 'a\nb' }, 'host'],
    [{ host: ':local:/' }, 'host'],
    [{ 'override.config': 'x' }, 'override.config'],
  ])('%j is refused again, by name and without the value', async (options, name) => {
    const user = await app.user();
    const { id } = await make(sftp(), { token: user.token });
    await write(`update remotes set options = options || $2::jsonb where id = $1`, [
      id,
      JSON.stringify(options),
    ]);
    const error = await engineRemote(id, user.id).catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({ code: 'remote_misconfigured' });
    expect((error as Error).message).toContain(name);
    expect((error as Error).message).not.toMatch(/touch|passwd|true|:local/);
    expect(await call('POST', `/${id}/check`)).toMatchObject({
      status: 409,
      body: { code: 'remote_misconfigured' },
    });
  });
});

describe('where a remote may lead', () => {
  it.each(['127.0.0.1', 'localhost', '::1', '10.1.2.3', '169.254.169.254', '::ffff:127.0.0.1'])(
    'is not %s',
    async (host) => {
      const answer = await call('POST', '', { body: sftp({ host }) });
      expect(answer).toMatchObject({
        status: 400,
        body: { errors: [{ pointer: '/options/host', code: 'host_refused' }] },
      });
    },
  );

  it('is asked again by a check', async () => {
    const { id } = await make(sftp());
    await write(`update remotes set options = options || '{"host": "127.0.0.1"}' where id = $1`, [id]);
    const { body } = await call('POST', `/${id}/check`);
    expect(body.status).toBe('offline');
    expect(body.statusDetail).toContain('STEWARD_REMOTES_ALLOWED_HOSTS');
  });
});

describe('roots', () => {
  it('are paths of the far side', async () => {
    const user = await app.user();
    const roots: [root: string | undefined, kept: string, given: string][] = [
      [undefined, '~', ''],
      ['~', '~', ''],
      ['~//a/', '~/a', 'a'],
      ['/', '/', '/'],
      ['//srv/데이터/', '/srv/데이터', '/srv/데이터'],
    ];
    for (const [root, kept, given] of roots) {
      const made = await make({ ...sftp(), ...(root !== undefined && { root }) }, { token: user.token });
      expect([made.root, (await engineRemote(made.id, user.id)).root]).toEqual([kept, given]);
    }
    for (const root of ['a', '~a', '/..', '/\uff0e\uff0e/x', '~/../x', '/a\nb', 1])
      expect([root, (await call('POST', '', { body: { ...sftp(), root } })).status]).toEqual([root, 400]);
    const s3 = { type: 's3', options: { provider: 'AWS', region: 'eu-west-1' } };
    const bucket = await make({ ...s3, name: 'a bucket', root: '/bucket/a' }, { token: user.token });
    expect((await engineRemote(bucket.id, user.id)).root).toBe('bucket/a');
  });
});

it('tells what remotes can be made', async () => {
  const { body } = await app.call<{
    items: { type: string; requiredRole: string; secrets: object; parts: unknown }[];
  }>('GET', '/api/remote-types');
  expect(body.items).toHaveLength(16);
  expect(body.items.find(({ type }) => type === 'sftp')).toMatchObject({
    requiredRole: 'user',
    options: { required: ['host', 'user'], additionalProperties: false },
    secrets: { properties: { password: {}, privateKey: {}, privateKeyPassword: {} } },
    parts: null,
  });
  expect(body.items.find(({ type }) => type === 'local')?.requiredRole).toBe('admin');
});

it('reads remotes without their secrets unless it is asked for them', async () => {
  const { id } = await make(sftp());
  const remote = await new RemotesRepository().find(app.get(Database).system('a test').read, id);
  expect(remote && 'secrets' in remote && remote.secrets !== undefined).toBe(false);
});
