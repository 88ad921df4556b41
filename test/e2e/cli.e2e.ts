import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { envExample } from '../../src/kernel/config/index.js';
import { TEST_SECRET, accountsApplication } from '../harness/accounts-application.js';
import { Person, StoppedClock, outcome } from '../harness/factor-clients.js';
import { createUnmigratedDatabase, type TestDatabase } from '../harness/database.js';
import { unzip } from '../harness/zip.js';

const PROGRAM = path.resolve(import.meta.dirname, '../../dist/src/cli.js');

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'steward-cli-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** The built command line in a folder of its own and with this environment only. */
function steward(words: string[], environment: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const env = { PATH: process.env['PATH'], ...environment };
    execFile(process.execPath, [PROGRAM, ...words], { cwd: folder, env }, (error, out, err) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, out, err }),
    );
  });
}

describe('migrate', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createUnmigratedDatabase();
  });
  afterAll(() => database.drop());

  it('goes up, tells the status, goes down and says when there is nothing to do', async () => {
    const environment = { DATABASE_URL: database.url };
    const before = await steward(['migrate', 'status'], environment);
    expect(before.out).toMatch(/^(missing {2}\w+\n)+$/);
    const up = await steward(['migrate', 'up'], environment);
    expect(up.out).toBe(before.out.replaceAll('missing', 'applied'));
    expect((await steward(['migrate', 'up'], environment)).out).toBe('The database is up to date.\n');
    const down = await steward(['migrate', 'down', '2'], environment);
    expect(down.out).toBe(
      up.out.trim().split('\n').slice(-2).toReversed().join('\n').replaceAll('applied', 'undone') + '\n',
    );
    expect((await steward(['migrate', 'status'], environment)).out).toMatch(
      /^(applied .*\n)+(missing .*\n){2}$/,
    );
    for (const { code, err } of [before, up, down]) expect([code, err]).toEqual([0, '']);
  });
});

it('settings are shown, and written into the files that list them', async () => {
  expect((await steward(['settings', '--example'])).out).toBe(envExample());
  expect((await steward(['settings', '--write', '--table'])).err).toBe(
    'There is no README.md in this folder.\n',
  );
  await writeFile(
    path.join(folder, 'README.md'),
    '# Steward\n\n<!-- settings -->\nold\n<!-- /settings -->\nend\n',
  );
  expect((await steward(['settings', '--write'])).code).toBe(0);
  expect(await readFile(path.join(folder, '.env.example'), 'utf8')).toBe(envExample());
  const readme = await readFile(path.join(folder, 'README.md'), 'utf8');
  expect(readme).toMatch(
    /^# Steward\n\n<!-- settings -->\n[^]*\| `LOG_LEVEL` \|[^]*<!-- \/settings -->\nend\n$/,
  );
  expect(readme).not.toContain('old\n');
});

it.each([
  [['migrate', 'down', 'two'], {}, 'must be a whole number from 1 on'],
  [['migrate', 'down', '0'], {}, 'must be a whole number from 1 on'],
  [['migrate', 'sideways'], {}, "unknown command 'sideways'"],
  [['settings'], {}, 'Say --example, --table or --write.'],
  [['admin', 'reset-password'], {}, "missing required argument 'email'"],
  [['admin', 'reset-factors'], {}, 'Say whose: an e-mail or username, or --unreadable'],
  [
    ['admin', 'reset-factors', 'ann', '--unreadable'],
    {},
    'Say whose: an e-mail or username, or --unreadable',
  ],
  [['admin', 'reset-factors', 'ann', '--yes'], {}, 'Say whose: an e-mail or username, or --unreadable'],
  [['users', 'erase', 'ann@example.org'], {}, "required option '--yes' not specified"],
  [['users', 'export', 'ann@example.org'], {}, "required option '--out <file>' not specified"],
  [['users', 'export', 'ann@example.org', '--out', 'folder/'], {}, 'must be the name of a file'],
  [['migrate', 'status'], { STEWARD_ROEL: 'all' }, 'did you mean STEWARD_ROLE?'],
  [['migrate', 'status'], { DATABASE_URL: 'postgres://x:y@127.0.0.1:1/z' }, 'cannot be reached'],
])('%j with %j fails with status 1 and says why', async (words, environment, message) => {
  const { code, out, err } = await steward(words, environment);
  expect(err).toContain(message);
  expect([code, out]).toEqual([1, '']);
});

it('admin reset-password gives a new password once and ends all sessions', async () => {
  const app = await accountsApplication();
  const environment = { DATABASE_URL: app.url, STEWARD_SECRET: TEST_SECRET };
  const login = (password: string) =>
    app.call('POST', '/auth/login', { body: { identifier: 'ann@example.org', password } });
  const made = await app.call('POST', '/auth/register', {
    body: { email: 'ann@example.org', password: 'the old password' },
  });
  const token = String(made.body['accessToken']);
  expect((await app.call('GET', '/users/me', { token })).status).toBe(200);

  const done = await steward(['admin', 'reset-password', 'ANN@example.org'], environment);
  expect([done.code, done.err]).toEqual([0, '']);
  const password = /password of ann@example\.org: (\S+) /.exec(done.out)?.[1] ?? '';
  expect(done.out).toContain('Ended sessions: 1\n');
  expect((await app.call('GET', '/users/me', { token })).status).toBe(401);
  expect((await login('the old password')).status).toBe(401);
  expect((await login(password)).status).toBe(200);
  const rows = await app.sql(
    `select action, actor_type, details from audit_logs where actor_type = 'system' order by id`,
  );
  expect(rows).toEqual([
    { action: 'user.reset_password', actor_type: 'system', details: {} },
    { action: 'session.revoke_all', actor_type: 'system', details: { sessions: 1 } },
  ]);

  const nobody = await steward(['admin', 'reset-password', 'nobody@example.org'], environment);
  expect([nobody.code, nobody.out]).toEqual([1, '']);
  expect(nobody.err).toBe('There is no account with the e-mail or username nobody@example.org.\n');
  await app.close();
});

it('admin reset-factors removes a lost second factor, and those that cannot be opened only when told twice', async () => {
  const app = await accountsApplication();
  const clock = new StoppedClock(app);
  const environment = { DATABASE_URL: app.url, STEWARD_SECRET: TEST_SECRET };
  const [ann, bob] = [await Person.enrolled(app, clock), await Person.enrolled(app, clock)];
  const reset = await steward(['admin', 'reset-password', ann.email], environment);
  expect(reset.out).toContain(
    `A code of the second factor is still asked for. Lost? admin reset-factors ${ann.email}\n`,
  );

  const done = await steward(['admin', 'reset-factors', ann.email.toUpperCase()], environment);
  expect(done).toEqual({
    code: 0,
    out: `The second factor of ${ann.email} is removed and the sessions have ended.\n`,
    err: '',
  });
  expect((await steward(['admin', 'reset-factors', ann.email], environment)).out).toBe(
    `${ann.email} has no second factor.\n`,
  );
  expect(await ann.told('auth.factor_removed')).toEqual([{ kind: 'totp', by: 'operator' }]);
  const nobody = await steward(['admin', 'reset-factors', 'nobody@example.org'], environment);
  expect([nobody.code, nobody.err]).toEqual([
    1,
    'There is no account with the e-mail or username nobody@example.org.\n',
  ]);

  const unreadable = (...words: string[]) =>
    steward(['admin', 'reset-factors', '--unreadable', ...words], {
      ...environment,
      STEWARD_SECRET: 'another signing secret, also long enough',
    });
  expect((await steward(['admin', 'reset-factors', '--unreadable'], environment)).out).toMatch(/^0 of 1 /);
  expect((await unreadable()).out).toBe(
    '1 of 1 second factors cannot be opened with this STEWARD_SECRET.\nNothing is changed. To remove them, add --yes.\n',
  );
  expect(outcome(await bob.login())).toEqual([401, 'mfa_required']);
  expect((await unreadable('--yes')).out).toContain('They are removed.\n');
  expect((await bob.login()).status).toBe(200);
  clock.restore();
  await app.close();
});

it('users export and erase do for an operator what people can do themselves', async () => {
  const app = await accountsApplication();
  const environment = { DATABASE_URL: app.url, STEWARD_SECRET: TEST_SECRET };
  const made = await app.call('POST', '/auth/register', {
    body: { email: 'ann@example.org', username: 'ann', password: 'a password of ann' },
  });
  const token = String(made.body['accessToken']);
  const { id } = made.body['user'] as unknown as { id: string };

  const out = path.join(folder, 'ann.zip');
  const exported = await steward(['users', 'export', 'ANN', '--out', out], environment);
  expect([exported.code, exported.out, exported.err]).toEqual([0, `wrote ${out}\n`, '']);
  expect((await stat(out)).mode & 0o777).toBe(0o600);
  const files = unzip(await readFile(out));
  expect(String(files.get('profile.json'))).toContain('ann@example.org');
  expect([...files.keys()]).toEqual(expect.arrayContaining(['jobs.json', 'schedules.json', 'remotes.json']));

  const again = await steward(['users', 'export', id, '--out', out], environment);
  expect([again.code, again.err]).toEqual([1, `${out} exists already.\n`]);
  const nowhere = path.join(folder, 'no such folder', 'x.zip');
  const lost = await steward(['users', 'export', id, '--out', nowhere], environment);
  expect([lost.code, lost.err]).toEqual([1, `${nowhere} cannot be written: ENOENT.\n`]);

  const erased = await steward(['users', 'erase', 'ann@example.org', '--yes'], environment);
  expect([erased.code, erased.err]).toEqual([0, '']);
  expect(erased.out).toContain(`keeps the id ${id}`);
  expect((await app.call('GET', '/users/me', { token })).status).toBe(401);
  const twice = await steward(['users', 'erase', 'ann@example.org', '--yes'], environment);
  expect([twice.code, twice.err]).toEqual([
    1,
    'There is no account with the e-mail, username or id ann@example.org.\n',
  ]);
  const trail = await app.sql(
    `select action, actor_type, resource_id from audit_logs where actor_type = 'system' order by id`,
  );
  expect(trail).toEqual([
    { action: 'user.export', actor_type: 'system', resource_id: id },
    { action: 'user.erase', actor_type: 'system', resource_id: id },
  ]);
  await app.close();
});
