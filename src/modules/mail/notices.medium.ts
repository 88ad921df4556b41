import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Person } from '../../../test/harness/account.js';
import { TestApp } from '../../../test/harness/app.js';
import { withClient } from '../../../test/harness/database.js';
import { Outbox } from '../../../test/harness/outbox.js';
import { Database } from '../../kernel/database/index.js';
import { Events } from '../../kernel/realtime/index.js';

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0';
const NEWER_FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:151.0) Gecko/20100101 Firefox/151.0';
const SAFARI =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1 Version/19.0 Mobile Safari/604.1';

let app: TestApp;
let outbox: Outbox;
beforeAll(async () => {
  app = await TestApp.start();
  outbox = new Outbox(app.settings);
});
afterAll(() => app.stop());

const sql = <Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> =>
  withClient(app.settings.databaseUrl ?? '', async (client) => (await client.query<Row>(text, values)).rows);
const subjects = async (email: string): Promise<string[]> =>
  (await outbox.to(email)).map(({ subject }) => subject);

describe('a login (6.3.5)', () => {
  it('from another device is told, from a known one and its updates not, and the first one of all not', async () => {
    const person = await Person.register(app, 'devices@notice.test', {}, { 'user-agent': FIREFOX });
    await person.login();
    await person.login(undefined, { 'user-agent': NEWER_FIREFOX });
    expect(await subjects(person.email)).toEqual(['Confirm your e-mail address']);
    await person.login(undefined, { 'user-agent': SAFARI });
    await person.login(undefined, { 'user-agent': SAFARI });
    const notice = await outbox.next(person.email, 1);
    expect(notice.subject).toBe('Login from a new device');
    expect(notice.text).toContain('Safari, iOS');
    expect(notice.text).toContain('127.0.0.1');
    expect(notice.text).toMatch(/\d{4} at .*UTC/);
  });

  it('that is the first of an account is no news', async () => {
    await app.call('POST', '/api/users', {
      body: { email: 'quiet@notice.test', password: 'parola, 비밀번호, رمز' },
    });
    expect((await new Person(app, 'quiet@notice.test').login()).status).toBe(200);
    expect(await subjects('quiet@notice.test')).toEqual([]);
  });

  it('of many at the same moment from one new device is told once', async () => {
    const person = await Person.register(app, 'storm@notice.test', {}, { 'user-agent': FIREFOX });
    await Promise.all(
      Array.from({ length: 6 }, () =>
        new Person(app, person.email).login(undefined, { 'user-agent': SAFARI }),
      ),
    );
    expect(await subjects(person.email)).toEqual(['Confirm your e-mail address', 'Login from a new device']);
  });

  it('leaves a hash of the device that two people do not share', async () => {
    const people = [
      await Person.register(app, 'same1@notice.test'),
      await Person.register(app, 'same2@notice.test'),
    ];
    const rows = await sql<{ hash: string }>(
      `select encode(device_hash, 'hex') as hash from seen_devices where user_id = any($1)`,
      [people.map(({ id }) => id)],
    );
    expect(new Set(rows.map(({ hash }) => hash)).size).toBe(2);
  });
});

describe('second factors', () => {
  it.each([
    ['auth.factor_added', 'A second factor was set up'],
    ['auth.factor_removed', 'Your second factor was removed'],
    ['auth.recovery_code_used', 'A recovery code was used'],
    ['auth.recovery_codes_renewed', 'New recovery codes were made'],
  ])('%s is told', async (type, subject) => {
    const person = await Person.register(app, `${type}@notice.test`);
    await app
      .get(Database)
      .system('test')
      .tx((tx) =>
        app
          .get(Events)
          .record(tx, [
            { type, channel: 'account', userId: person.id, subjectId: person.id, data: { kind: 'totp' } },
          ]),
      );
    expect(await outbox.next(person.email, 1)).toMatchObject({ subject, code: '' });
  });
});
