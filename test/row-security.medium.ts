import { Client, DatabaseError } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../src/kernel/database/id.js';
import { asApplication, createTestDatabase, withClient, type TestDatabase } from './harness/database.js';

/** Tables with the id of a user in them that need no policies, and why. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  audit_logs: 'only admins read it, through one route; entries of nobody must be readable, too',
  events: 'read by the tail of each process for all its streams at once, which filters for each of them',
  remotes: 'names are unique over everybody, and a job uses its owner’s remotes through their policy',
  schedule_rules: 'a rule acts for its owner while nobody is signed in; its jobs are protected',
};

interface ProtectedTable {
  /** Whether admins see everybody's rows. */
  readonly admins: boolean;
  /** A row of the user with this job, which the test has made before. */
  row(user: string, job: string): [text: string, values: unknown[]];
  /** Gives a row to somebody else. */
  readonly give: string;
  readonly change: string;
  readonly owner: string;
}

const TABLES: Readonly<Record<string, ProtectedTable>> = {
  sessions: {
    admins: false,
    row: (user) => [
      `insert into sessions (id, user_id, refresh_hash, refresh_nonce, idle_expires_at, absolute_expires_at)
       values ($1, $2, '', '', now(), now())`,
      [newId(), user],
    ],
    give: 'user_id = $1',
    change: `user_agent = 'changed'`,
    owner: 'user_id',
  },
  jobs: {
    admins: true,
    row: (user) => [
      `insert into jobs (id, user_id, type, queue, payload, run_at) values ($1, $2, 'probe', 'default', '{}', now())`,
      [newId(), user],
    ],
    give: 'user_id = $1',
    change: `error = 'changed'`,
    owner: 'user_id',
  },
  job_logs: {
    admins: true,
    row: (_, job) => [
      `insert into job_logs (id, job_id, level, message) values ($1, $2, 'info', 'a line')`,
      [newId(), job],
    ],
    give: 'job_id = $2',
    change: `message = 'changed'`,
    owner: '(select user_id from jobs where jobs.id = job_id)',
  },
  job_keys: {
    admins: true,
    row: (user, job) => [
      `insert into job_keys (type, key, user_id, job_id) values ('probe', sha256(gen_random_uuid()::text::bytea), $1, $2)`,
      [user, job],
    ],
    give: 'user_id = $1',
    change: 'updated_at = clock_timestamp()',
    owner: 'user_id',
  },
  remote_permissions: {
    admins: true,
    // A remote each, because a user has one permission on it.
    row: (user) => [
      `with added as (
         insert into remotes (id, owner_id, name, name_key, type, root)
         values ($1::uuid, $2, $1::text, $1::text, 'local', '/') returning id)
       insert into remote_permissions (id, user_id, remote_id) select $1::uuid, $2, id from added`,
      [newId(), user],
    ],
    give: 'user_id = $1',
    change: 'is_active = not is_active',
    owner: 'user_id',
  },
  schedule_calendars: {
    admins: true,
    row: (user) => [
      `insert into schedule_calendars (id, user_id, name) values ($1::uuid, $2, $1::text)`,
      [newId(), user],
    ],
    give: 'user_id = $1',
    change: `description = 'changed'`,
    owner: 'user_id',
  },
  notifications: {
    admins: false,
    row: (user) => [
      `insert into notifications (id, user_id, type, title, message) values ($1, $2, 'test', 'a title', 'a text')`,
      [newId(), user],
    ],
    give: 'user_id = $1',
    change: `title = 'changed'`,
    owner: 'user_id',
  },
  idempotency_keys: {
    admins: false,
    row: (user) => [
      `insert into idempotency_keys (user_id, route, key, body_hash, response) values ($2, 'POST /', $1, '', '{}')`,
      [newId(), user],
    ],
    give: 'user_id = $1',
    change: `response = '[]'`,
    owner: 'user_id',
  },
};

let database: TestDatabase;
let application: Client;
const [ann, bob, admin] = [newId(), newId(), newId()];
const jobOf = new Map<string, string>();

beforeAll(async () => {
  database = await createTestDatabase();
  await withClient(database.url, async (client) => {
    for (const [id, role] of [
      [ann, 'user'],
      [bob, 'user'],
      [admin, 'admin'],
    ])
      await client.query('insert into users (id, email, email_key, role) values ($1, $2, $2, $3)', [
        id,
        `${id}@rows.test`,
        role,
      ]);
    for (const user of [ann, bob, admin]) {
      const [text, values] = TABLES['jobs']!.row(user, '');
      await client.query(text, values);
      jobOf.set(user, values[0] as string);
    }
    for (const [name, table] of Object.entries(TABLES))
      for (const user of name === 'jobs' ? [] : [ann, bob, admin])
        await client.query(...table.row(user, jobOf.get(user)!));
  });
  application = new Client({ connectionString: asApplication(database.url) });
  await application.connect();
});
afterAll(async () => {
  await application.end();
  await database.drop();
});

interface Context {
  readonly user?: string;
  readonly role?: string;
  readonly system?: string;
}

/** Runs `work` as the application's role, on behalf of whom is said; whatever it did is undone. */
async function within<T>({ user, role, system }: Context, work: () => Promise<T>): Promise<T> {
  await application.query('begin');
  try {
    for (const [name, value] of Object.entries({ user_id: user, user_role: role, system }))
      if (value !== undefined)
        await application.query('select set_config($1, $2, true)', [`steward.${name}`, value]);
    return await work();
  } finally {
    await application.query('rollback');
  }
}

const touched = async (text: string, values: unknown[] = []): Promise<number> =>
  (await application.query(text, values)).rowCount ?? 0;

/** Fails a statement as the server does; the transaction goes on. */
async function refused(text: string, values: unknown[] = []): Promise<string> {
  await application.query('savepoint attempt');
  const error: unknown = await application.query(text, values).then(
    () => null,
    (one: unknown) => one,
  );
  await application.query('rollback to savepoint attempt');
  expect(error, text).toBeInstanceOf(DatabaseError);
  return (error as DatabaseError).code ?? '';
}

async function ownersIn(table: string): Promise<string[]> {
  const { rows } = await application.query<{ owner: string }>(
    `select ${TABLES[table]!.owner}::text as owner from ${table} order by 1`,
  );
  return rows.map(({ owner }) => owner);
}

const everybody = [ann, bob, admin].toSorted();

describe.each(Object.entries(TABLES))('rows of %s', (table, { admins, row, give, change }) => {
  const giving = (to: string): unknown[] => (give.includes('$2') ? [to, jobOf.get(to)] : [to]);
  // The parameter must be named for its type to be known.
  const giveTo = give.includes('$2') ? `${give} where $1::uuid is not null` : give;

  it.each<[string, Context]>([
    ['nobody', {}],
    ['empty settings', { user: '', role: '', system: '' }],
    ['a role alone that is no admin', { role: 'power_user' }],
    ['a stranger', { user: newId(), role: 'user' }],
  ])('do not exist for %s', async (_, context) => {
    await within(context, async () => {
      expect(await ownersIn(table)).toEqual([]);
      expect(await touched(`update ${table} set ${change}`)).toBe(0);
      expect(await touched(`delete from ${table}`)).toBe(0);
      expect(await refused(...row(ann, jobOf.get(ann)!))).toBe('42501');
    });
  });

  it('are shown to their user alone', async () => {
    await within({ user: ann, role: 'user' }, async () => expect(await ownersIn(table)).toEqual([ann]));
    await within({ user: bob, role: 'power_user' }, async () => expect(await ownersIn(table)).toEqual([bob]));
  });

  it('can be changed, removed and made by their user alone', async () => {
    await within({ user: ann, role: 'user' }, async () => {
      expect(await touched(`update ${table} set ${change}`)).toBe(1);
      expect(await touched(...row(ann, jobOf.get(ann)!))).toBe(1);
      expect(await refused(...row(bob, jobOf.get(bob)!))).toBe('42501');
    });
    // Lines first: a job with lines of its own is removed together with them.
    await within({ user: ann, role: 'user' }, async () =>
      expect(await touched(`delete from ${table}`)).toBe(1),
    );
    await withClient(database.url, async (client) => {
      const { rowCount } = await client.query(`select from ${table}`);
      expect(rowCount).toBe(3);
    });
  });

  it('cannot be given away', async () => {
    await within({ user: ann, role: 'user' }, async () =>
      expect(await refused(`update ${table} set ${giveTo}`, giving(bob))).toBe('42501'),
    );
  });

  it(`are ${admins ? 'open' : 'closed'} to admins`, async () => {
    await within({ user: admin, role: 'admin' }, async () => {
      expect(await ownersIn(table)).toEqual(admins ? everybody : [admin]);
      expect(await touched(`update ${table} set ${change}`)).toBe(admins ? 3 : 1);
      const adding = await application.query(...row(ann, jobOf.get(ann)!)).catch((error: unknown) => error);
      expect(adding instanceof DatabaseError ? adding.code : null).toBe(admins ? null : '42501');
    });
  });

  it('are all there for the system', async () => {
    await within({ system: 'a test' }, async () => {
      expect(await ownersIn(table)).toEqual(everybody);
      expect(await touched(`update ${table} set ${change}`)).toBe(3);
      expect(await touched(...row(bob, jobOf.get(bob)!))).toBe(1);
      expect(await touched(`delete from ${table}`)).toBe(4);
    });
  });

  it('are not open to a user whose id is malformed', async () => {
    await within({ user: `${ann}' or true --`, role: 'user' }, async () =>
      expect(await refused(`select from ${table}`)).toBe('22P02'),
    );
  });
});

describe('the role of the application', () => {
  it.each([
    'alter table sessions disable row level security',
    'alter table sessions no force row level security',
    'drop policy rows_read on sessions',
    'create policy all_rows on sessions using (true)',
    'alter table sessions add column more text',
    'drop table sessions',
    'truncate sessions',
    'create table mine (id integer)',
    'create table bullmq.mine (id integer)',
    'create schema mine',
    'create function mine() returns integer language sql as $$ select 1 $$',
    'create or replace function in_system_context() returns boolean language sql as $$ select true $$',
    'alter function ensure_month_partitions(integer) security invoker',
    'create index on sessions (user_agent)',
    'create trigger mine before insert on sessions for each row execute function set_updated_at()',
    'create role mine',
    'alter role current_user bypassrls',
    'grant steward to current_user',
    'set role steward',
    'set session authorization steward',
    'update audit_logs set action = action',
    'delete from audit_logs',
    'truncate audit_logs',
    'lock table audit_logs in access exclusive mode',
    'select from jobs_default',
    'select from job_logs_default',
    'insert into jobs_default select * from jobs',
    'select from schema_migrations',
    'delete from month_partitioned',
    'update installation set id = id',
    `select protect_rows('users')`,
    `select partition_by_month('users')`,
    `select pg_read_file('postgresql.conf')`,
    `copy users to program 'true'`,
  ])('may not: %s', async (statement) => {
    await within({ system: 'a test' }, async () => expect(await refused(statement)).toBe('42501'));
  });

  it('gets no rows by switching row security off for itself', async () => {
    await within({}, async () => {
      await application.query('set local row_security = off');
      expect(await refused('select from sessions')).toBe('42501');
    });
  });

  it('gets no lines of jobs by a table of its own with the same name', async () => {
    await within({ user: ann, role: 'user' }, async () => {
      await application.query('create temp table jobs (id uuid) on commit drop');
      await application.query('insert into pg_temp.jobs values ($1)', [jobOf.get(bob)]);
      expect(await touched('select from job_logs where job_id = $1', [jobOf.get(bob)])).toBe(0);
      expect(await touched('select from job_logs')).toBe(1);
    });
  });

  it('may not read or change any partition by itself, whichever month it is of', async () => {
    const { rows } = await application.query<{ name: string; allowed: boolean }>(
      `select inhrelid::regclass::text as name,
              has_table_privilege(inhrelid, 'select, insert, update, delete, truncate') as allowed
         from pg_inherits join pg_class on oid = inhrelid where relkind = 'r'`,
    );
    expect(rows.length).toBeGreaterThanOrEqual(20);
    expect(rows.filter(({ allowed }) => allowed)).toEqual([]);
  });

  it('makes the monthly partitions all the same, and cannot be made to make other tables', async () => {
    const dropped = await withClient(database.url, async (client) => {
      const { rows } = await client.query<{ name: string }>(
        `select max(inhrelid::regclass::text) as name from pg_inherits
          where inhparent = 'events'::regclass and inhrelid::regclass::text ~ '\\d$'`,
      );
      await client.query(`drop table ${rows[0]!.name}`);
      return rows[0]!.name;
    });
    await application.query(`create temp table month_partitioned (parent text, storage text default '')`);
    await application.query(`insert into pg_temp.month_partitioned values ('users')`);
    const { rows } = await application.query<{ name: string }>('select ensure_month_partitions() as name');
    expect(rows).toEqual([{ name: dropped }]);
    await application.query('drop table pg_temp.month_partitioned');
    await within({}, async () => expect(await refused(`select from ${dropped}`)).toBe('42501'));
    expect((await application.query('select ensure_month_partitions() as name')).rows).toEqual([]);
  });

  it('is bound by policies', async () => {
    const { rows } = await application.query(
      `select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication,
              (select count(*)::integer from pg_auth_members where member = pg_roles.oid) as memberships
         from pg_roles where rolname = current_user`,
    );
    expect(rows).toEqual([
      {
        rolsuper: false,
        rolbypassrls: false,
        rolcreaterole: false,
        rolcreatedb: false,
        rolreplication: false,
        memberships: 0,
      },
    ]);
  });
});

interface Policies {
  readonly table: string;
  readonly column: string;
  readonly enabled: boolean;
  readonly forced: boolean;
  readonly policies: readonly string[];
}

/** The tables with a user's id, and what protects them; `<owner>` in the place of the column. */
async function tablesWithOwner(): Promise<Policies[]> {
  const { rows } = await application.query<Policies>(
    `select c.relname as table, a.attname as column, c.relrowsecurity as enabled, c.relforcerowsecurity as forced,
            array(select format('%s %s using %s check %s', cmd, permissive,
                                replace(qual, a.attname || ' =', '<owner> ='), replace(with_check, a.attname || ' =', '<owner> ='))
                    from pg_policies p where p.schemaname = 'public' and p.tablename = c.relname order by cmd) as policies
       from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname in ('user_id', 'owner_id') and not a.attisdropped
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition order by 1, 2`,
  );
  return rows;
}

describe('every table with the id of a user', () => {
  it('has forced row security with the four policies proved above, unless it is an exception', async () => {
    const tables = await tablesWithOwner();
    const policiesOf = (table: string): readonly string[] =>
      tables.find((one) => one.table === table)?.policies ?? [];
    const proved = [policiesOf('notifications'), policiesOf('jobs')];
    for (const policies of proved) expect(policies).toHaveLength(4);
    expect(proved[0]).not.toEqual(proved[1]);
    for (const { table, enabled, forced, policies } of tables.filter((one) => !(one.table in EXCEPTIONS))) {
      expect({ table, enabled, forced }).toEqual({ table, enabled: true, forced: true });
      expect(proved, `policies of ${table}`).toContainEqual(policies);
    }
  });

  it('is there when it is an exception, and has no policies', async () => {
    const tables = await tablesWithOwner();
    for (const name of Object.keys(EXCEPTIONS))
      expect(tables.find(({ table }) => table === name)).toMatchObject({ enabled: false, policies: [] });
  });
});
