import { randomUUID } from 'node:crypto';
import { Client, DatabaseError, escapeIdentifier } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createTestDatabase,
  createUnmigratedDatabase,
  withClient,
  type TestDatabase,
} from '../../../test/harness/database.js';
import { Keyring } from '../crypto/index.js';
import { applicationAccess } from './application-role.js';
import { migrationOptions } from './data-source.js';
import { migrate } from './migrate.js';
import { DatabaseUnusableError } from './open-database.js';

const keyring = new Keyring('the signing secret of a test');

const own = (url: string, keys = keyring) => applicationAccess({ ownerUrl: url, configuredUrl: url }, keys);
const count = (url: string, table: string): Promise<number> =>
  withClient(url, async (client) => (await client.query(`select from ${table}`)).rowCount ?? 0);
const refusal = async (work: Promise<unknown>): Promise<string | undefined> => {
  const error: unknown = await work.catch((one: unknown) => one);
  return error instanceof DatabaseError ? error.code : undefined;
};

/** Everything that a grant or a new password would write anew. */
const state = (url: string): Promise<unknown[]> =>
  withClient(url, async (client) => {
    const { rows } = await client.query(
      `select 'table', oid::text, xmin::text from pg_class where relnamespace = 'public'::regnamespace
       union all select 'role', rolname, rolpassword from pg_authid order by 1, 2`,
    );
    return rows;
  });

async function seeded(url: string): Promise<void> {
  await withClient(url, async (client) => {
    const id = randomUUID();
    await client.query(`select set_config('steward.system', 'a test', false)`);
    await client.query('insert into users (id, email, email_key) values ($1, $2, $2)', [
      id,
      `${id}@role.test`,
    ]);
    await client.query(
      `insert into notifications (id, user_id, type, title, message) values ($1, $1, 'test', 'title', 'text')`,
      [id],
    );
  });
}

/** A login role of the cluster that the tests share, as an operator may have made it. */
async function makeUser(
  admin: string,
  attributes = '',
): Promise<{ name: string; at: (url: string) => string }> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await withClient(admin, (client) =>
    client.query(`create role ${name} login password 'open sesame' ${attributes}`),
  );
  return {
    name,
    at: (url) => {
      const address = new URL(url);
      address.username = name;
      address.password = 'open sesame';
      return address.href;
    },
  };
}

/** A database that belongs to somebody who is no superuser, as managed servers hand them out, migrated by them. */
async function managed(attributes = ''): Promise<{ database: TestDatabase; url: string; owner: string }> {
  const database = await createUnmigratedDatabase();
  const owner = await makeUser(database.url, attributes);
  await withClient(database.url, async (client) => {
    const { rows } = await client.query<{ name: string }>('select current_database() as name');
    await client.query(`alter database ${escapeIdentifier(rows[0]!.name)} owner to ${owner.name}`);
    await client.query(`alter schema public owner to ${owner.name}`);
  });
  const url = owner.at(database.url);
  await migrate(url);
  return { database, url, owner: owner.name };
}

describe('a role of its own', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
    await seeded(database.url);
  });
  afterAll(() => database.drop());

  it('is named after the database, sees what its context allows, and is the same for everybody', async () => {
    const all = await Promise.all([1, 2, 3, 4].map(() => own(database.url)));
    const [{ url, warnings }] = all as [(typeof all)[0]];
    expect(warnings).toEqual([]);
    expect(new Set(all.map((one) => one.url)).size).toBe(1);
    expect(new URL(url).username).toMatch(/^steward_app_\d+$/);
    expect(await count(url, 'notifications')).toBe(0);
    expect(await count(url, 'users')).toBe(1);
    expect(await count(url, 'bullmq.job')).toBe(0);
    expect(await refusal(count(url, 'schema_migrations'))).toBe('42501');
  });

  it('is left alone by the next start', async () => {
    await own(database.url);
    const before = await state(database.url);
    await own(database.url);
    expect(await state(database.url)).toEqual(before);
  });

  it('is given what is new, and what was taken away', async () => {
    const { url } = await own(database.url);
    const role = new URL(url).username;
    await withClient(database.url, async (client) => {
      await client.query('create table brand_new (id integer generated always as identity, other serial)');
      await client.query(`revoke insert on notifications from ${role}`);
    });
    await own(database.url);
    await withClient(url, async (client) => {
      await client.query('insert into brand_new default values');
      const { rows } = await client.query(`select has_table_privilege('notifications', 'insert') as may`);
      expect(rows).toEqual([{ may: true }]);
    });
  });

  it('never has its password in a statement', async () => {
    const { url } = await own(database.url);
    const { username, password } = new URL(url);
    expect(password).toHaveLength(43);
    const { rows } = await withClient(database.url, (client) =>
      client.query<{ stored: string }>('select rolpassword as stored from pg_authid where rolname = $1', [
        username,
      ]),
    );
    expect(rows[0]!.stored).toMatch(/^SCRAM-SHA-256\$4096:/);
  });

  it('gets another password with another secret, and says what that means', async () => {
    const before = await own(database.url);
    const after = await own(database.url, new Keyring('another signing secret of a test'));
    expect(after.warnings).toEqual([expect.stringContaining('STEWARD_SECRET')]);
    expect(after.url).not.toBe(before.url);
    expect(await refusal(count(before.url, 'users'))).toBe('28P01');
    expect(await count(after.url, 'users')).toBe(1);
  });

  it('that has been made a superuser is told of', async () => {
    const { url } = await own(database.url);
    await withClient(database.url, (client) => client.query(`alter role ${new URL(url).username} bypassrls`));
    expect((await own(database.url)).warnings).toEqual([expect.stringContaining('DOES NOT BIND')]);
  });
});

describe('a database that belongs to somebody who is no superuser', () => {
  it('is migrated in the context of the system, or its protected rows would be left as they are', async () => {
    const { database, url } = await managed();
    await seeded(url);
    expect(await count(url, 'notifications')).toBe(0);
    const { extra } = migrationOptions(url) as { extra: { options: string } };
    const client = new Client({ connectionString: url, options: extra.options });
    await client.connect();
    expect((await client.query(`update notifications set title = 'changed'`)).rowCount).toBe(1);
    await client.end();
    await database.drop();
  });

  it('is worked on with a role of its own where the owner may make one', async () => {
    const { database, url } = await managed('createrole');
    await seeded(url);
    const access = await own(url);
    expect(access.warnings).toEqual([]);
    expect(await own(url)).toEqual(access);
    expect(await count(access.url, 'users')).toBe(1);
    expect(await count(access.url, 'notifications')).toBe(0);
    await withClient(access.url, (client) => client.query('select ensure_month_partitions()'));
    expect(
      await refusal(withClient(access.url, (client) => client.query('alter table users add more text'))),
    ).toBe('42501');
    await database.drop();
  });

  it('is worked on as the owner where there is no other way; its policies bind even so', async () => {
    const { database, url, owner } = await managed();
    await seeded(url);
    const access = await own(url);
    expect(access.url).toBe(url);
    expect(access.warnings).toEqual([expect.stringMatching(new RegExp(`works as ${owner}.*still binds`))]);
    expect(await count(access.url, 'notifications')).toBe(0);
    await database.drop();
  });

  it('is worked on with the role that the operator has made, which is given only rows', async () => {
    const { database, url } = await managed();
    await seeded(url);
    const user = await makeUser(database.url);
    const access = await applicationAccess({ ownerUrl: url, configuredUrl: user.at(url) }, keyring);
    expect(access).toEqual({ url: user.at(url), warnings: [] });
    expect(await count(access.url, 'users')).toBe(1);
    expect(await count(access.url, 'notifications')).toBe(0);
    for (const statement of ['create table mine ()', 'delete from audit_logs', 'select from jobs_default'])
      expect(await refusal(withClient(access.url, (client) => client.query(statement)))).toBe('42501');
    await database.drop();
  });
});

describe('what the operator has mixed up', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  it('is refused when the two addresses are of different databases', async () => {
    const other = await createTestDatabase();
    await withClient(other.url, (client) => client.query('update installation set id = gen_random_uuid()'));
    const mixed = applicationAccess({ ownerUrl: database.url, configuredUrl: other.url }, keyring);
    await expect(mixed).rejects.toBeInstanceOf(DatabaseUnusableError);
    await other.drop();
  });

  it('is told when the two addresses are of one user', async () => {
    const same = `${database.url}?application_name=steward`;
    const { url, warnings } = await applicationAccess(
      { ownerUrl: database.url, configuredUrl: same },
      keyring,
    );
    expect(url).toBe(same);
    expect(warnings).toEqual([expect.stringContaining('the same user')]);
  });

  it('is told loudly when no policy binds the role of the application', async () => {
    const user = await makeUser(database.url, 'bypassrls');
    const configuredUrl = user.at(database.url);
    const { warnings } = await applicationAccess({ ownerUrl: database.url, configuredUrl }, keyring);
    expect(warnings).toEqual([expect.stringContaining('ROW-LEVEL SECURITY DOES NOT BIND')]);
  });
});
