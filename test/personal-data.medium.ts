import { randomInt } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApp } from './harness/app.js';
import { plantEverywhere, tablesAboutPeople, tablesOf, type Person } from './harness/planted.js';
import { unzip } from './harness/zip.js';

const PASSWORD = 'the password nobody may see';

/** Tables that say nothing about any person. A new one belongs here only if nothing in it can ever be personal. */
const NOT_ABOUT_PEOPLE = [
  // Its files are, and are written anew without whoever is erased (modules/jobs).
  'archives',
  'event_cursors',
  'installation',
  'job_depths',
  'job_minutes',
  // Digests of limits, not of people, and gone when their time is over.
  'job_rates',
  'job_turns',
  'month_partitioned',
  // Where running jobs work, for as long as they run (modules/remotes).
  'path_locks',
  // Times in which schedules were late, and processes.
  'schedule_incidents',
  'schedulers',
  'schema_migrations',
  'seed_runs',
  'workers',
];

/** The work list of the erasures themselves. */
const MADE_BY_ERASURES = ['erasures'];

/** What stays of a person, and is said in the READMEs of the modules. */
const STAYS = [
  // The trail names the tombstone by its id, and where its actions came from (modules/audit).
  'audit_logs.ip_address',
  'audit_logs.user_agent',
  // A place of the installation, handed to an admin with its name (modules/remotes).
  'remotes.name',
  'remotes.name_key',
  'remotes.root',
  'remotes.status_detail',
];

/** Where the id alone stays. */
const NAMES_THE_TOMBSTONE = [
  'audit_logs.user_id',
  'audit_logs.resource_id',
  'audit_logs.details',
  'erasures.user_id',
  'users.id',
  'users.email',
  'users.email_key',
];

/** Columns of the tombstone that are not blank. */
const ON_THE_TOMBSTONE = [
  'id',
  'seq',
  'email',
  'email_key',
  'role',
  'is_superuser',
  'is_active',
  'is_verified',
  'task_count',
  'version',
  'metadata',
  'created_at',
  'updated_at',
  'deleted_at',
];

/** Tables that the archive has no file of: other files have the same (modules/users), or they live for a minute. */
// Nor what a remote is made of, which is told with the remote.
const NOT_EXPORTED = ['archive_people', 'events', 'idempotency_keys', 'remote_parts', 'tickets'];

/** Tables with nothing but secrets and moments: the archive has the moments, see their own module's test. */
const WITHOUT_TEXTS = ['job_keys', 'recovery_codes', 'second_factors', 'seen_devices'];

/** Columns whose names say that they hold what must not leave. */
const SECRET = /hash|secret|nonce|token|cipher|recovery|password/;

let app: TestApp;
let client: Client;
beforeAll(async () => {
  app = await TestApp.start();
  client = new Client({ connectionString: app.settings.databaseUrl });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await app.stop();
});

interface Someone extends Person {
  readonly email: string;
  readonly username: string;
  readonly fullName: string;
  readonly token: string;
  readonly refreshToken: string;
}

/** A person who has told everything there is to tell, in every script. */
async function somebody(): Promise<Someone> {
  const mark = crypto.randomUUID().slice(0, 8);
  const canary = `canary${mark}`;
  const address = `2001:db8::${randomInt(4096, 65_536).toString(16)}:${randomInt(4096, 65_536).toString(16)}`;
  const identity = {
    email: `${canary}.mail@example.org`,
    username: `${canary}-name`,
    fullName: `${canary} 김민준`,
  };
  const { status, body } = await app.call<{
    user: { id: string };
    accessToken: string;
    refreshToken: string;
  }>('POST', '/api/auth/register', {
    token: null,
    body: { ...identity, password: PASSWORD },
    headers: { 'user-agent': `${canary} browser` },
  });
  expect(status).toBe(201);
  const token = body.accessToken;
  await app.call('PATCH', '/api/users/me', { token, body: { metadata: { [canary]: ['سلام', canary] } } });
  return { id: body.user.id, canary, address, ...identity, token, refreshToken: body.refreshToken };
}

async function planted(): Promise<Someone> {
  const person = await somebody();
  const tables = await tablesOf(client);
  const wanted = tablesAboutPeople(tables);
  for (const table of MADE_BY_ERASURES) wanted.delete(table);
  await plantEverywhere(client, tables, wanted, person);
  return person;
}

async function download(token: string): Promise<{ answer: Response; archive: Buffer }> {
  const answer = await fetch(`${app.url}/api/users/me/export`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return { answer, archive: Buffer.from(await answer.arrayBuffer()) };
}

/** Every `table.column` of every schema where a value holds the text, in any case, also inside byte strings. */
async function placesOf(text: string): Promise<string[]> {
  const { rows: columns } = await client.query<{ place: string; table: string; column: string }>(
    `select c.relname || '.' || a.attname as place, format('%I.%I', n.nspname, c.relname) as table, quote_ident(a.attname) as column
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
       join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where c.relkind in ('r', 'p') and not c.relispartition and n.nspname not in ('pg_catalog', 'information_schema')
        and n.nspname not like 'pg\\_toast%'`,
  );
  const found: string[] = [];
  for (const { place, table, column } of columns) {
    const { rowCount } = await client.query(
      `select from ${table} where strpos(lower(${column}::text), lower($1)) > 0 or strpos(${column}::text, $2) > 0 limit 1`,
      [text, Buffer.from(text).toString('hex')],
    );
    if (rowCount !== 0) found.push(place);
  }
  return found.toSorted();
}

describe('a person with rows in every table', () => {
  it('is in no table that nobody has thought of', async () => {
    const tables = await tablesOf(client);
    const known = new Set([...tablesAboutPeople(tables), ...NOT_ABOUT_PEOPLE]);
    expect([...tables.keys()].filter((table) => !known.has(table))).toEqual([]);
  });

  it('can be made nothing for once erased: every table with an owner refuses it', async () => {
    const { rows } = await client.query<{ place: string }>(
      `select format('%s.%s', c.relname, a.attname) as place
         from pg_constraint k join pg_class c on c.oid = k.conrelid
         join pg_attribute a on a.attrelid = c.oid and a.attnum = k.conkey[1]
        where k.contype = 'f' and k.confrelid = 'users'::regclass and k.conparentid = 0
          and not exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgfoid = 'refuse_erased_owner'::regproc
                            and encode(t.tgargs, 'escape') = a.attname || '\\000')`,
    );
    expect(rows.map(({ place }) => place)).toEqual(MADE_BY_ERASURES.map((table) => `${table}.user_id`));
  });

  it('takes all of it along in one archive, but no secret', async () => {
    const person = await planted();
    const { answer, archive } = await download(person.token);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/zip');
    expect(answer.headers.get('content-disposition')).toMatch(
      /^attachment; filename="steward-export-\d{4}-\d\d-\d\d\.zip"$/,
    );
    const files = [...unzip(archive).values()].map(String).join('\n');
    const tables = await tablesOf(client);
    const missing = [...tablesAboutPeople(tables)].filter(
      (table) =>
        ![...NOT_EXPORTED, ...WITHOUT_TEXTS, ...MADE_BY_ERASURES, 'users'].includes(table) &&
        !files.includes(`${person.canary} ${table}.`),
    );
    expect(missing).toEqual([]);
    for (const told of [person.email, person.username, person.fullName, 'سلام', person.address])
      expect(files).toContain(told);

    const { rows } = await client.query<{ password_hash: string }>(
      `select password_hash from users where id = $1`,
      [person.id],
    );
    const secrets = [PASSWORD, person.token, person.refreshToken, rows[0]?.password_hash ?? ''];
    for (const [table, columns] of tables)
      for (const { name } of columns)
        if (SECRET.test(name)) secrets.push(`${person.canary} ${table}.${name}`);
    expect(secrets.length).toBeGreaterThan(6);
    for (const secret of secrets)
      for (const form of ['utf8', 'hex', 'base64', 'base64url'] as const)
        expect(files).not.toContain(Buffer.from(secret).toString(form));
  });

  it('leaves nothing anywhere but what is documented, and no reference to what is gone', async () => {
    const person = await planted();
    const before = await placesOf(person.canary);
    expect(before.length).toBeGreaterThan(25);
    expect((await app.call('DELETE', '/api/users/me', { token: person.token })).status).toBe(204);

    for (const text of [person.canary, person.address, person.refreshToken]) {
      const left = (await placesOf(text)).filter((place) => !STAYS.includes(place));
      expect([text, left]).toEqual([text, []]);
    }
    expect((await placesOf(person.id)).filter((place) => !NAMES_THE_TOMBSTONE.includes(place))).toEqual([]);
    expect(await danglingReferences()).toEqual([]);
  });

  it('leaves a tombstone that is blank, of which nothing can be guessed', async () => {
    const person = await somebody();
    await app.call('DELETE', '/api/users/me', { token: person.token });
    const { rows } = await client.query<Record<string, unknown>>(`select * from users where id = $1`, [
      person.id,
    ]);
    const filled = Object.entries(rows[0] ?? {}).filter(([, value]) => value !== null);
    expect(filled.map(([name]) => name).filter((name) => !ON_THE_TOMBSTONE.includes(name))).toEqual([]);
    expect(rows[0]).toMatchObject({
      email: `erased-${person.id}@invalid`,
      email_key: `erased:${person.id}`,
      role: 'user',
      is_active: false,
      is_verified: false,
      metadata: {},
      deleted_at: expect.any(Date) as Date,
    });
  });

  it('hands remotes to an admin, and leaves the person out of what others have paused', async () => {
    const person = await planted();
    const other = await app.user();
    await client.query(
      `insert into schedule_rules (id, user_id, name, rule_type, interval_seconds, dst_policy, job_template, is_active, paused_by, paused_note)
       values (gen_random_uuid(), $1, 'of another', 'interval', 60, '{}', '{"type":"copy"}', false, $2, 'broken')`,
      [other.id, person.id],
    );
    const remotes = () =>
      client.query<{ id: string; owner_id: string; version: number }>(
        `select id, owner_id, version from remotes where name like '%' || $1 || '%'`,
        [person.canary],
      );
    const before = (await remotes()).rows[0];
    expect(before?.owner_id).toBe(person.id);
    await app.call('DELETE', `/api/users/${person.id}`);
    const admin = await client.query<{ id: string }>(`select id from users where role = 'admin'`);
    expect((await remotes()).rows).toEqual([{ id: before?.id, owner_id: admin.rows[0]?.id, version: 2 }]);
    const trail = await client.query(
      `select actor_type, action, resource_id, details from audit_logs where action = 'remote.hand_over' and resource_id = $1`,
      [before?.id],
    );
    expect(trail.rows).toEqual([
      {
        actor_type: 'system',
        action: 'remote.hand_over',
        resource_id: before?.id,
        details: { from: person.id, to: admin.rows[0]?.id },
      },
    ]);
    const paused = await client.query(
      `select paused_by, paused_note from schedule_rules where user_id = $1`,
      [other.id],
    );
    expect(paused.rows).toEqual([{ paused_by: null, paused_note: 'broken' }]);
  });
});

/** Rows whose foreign key leads nowhere, or whose owner is a tombstone. */
async function danglingReferences(): Promise<string[]> {
  const { rows: keys } = await client.query<{
    place: string;
    from: string;
    to: string;
    column: string;
    target: string;
  }>(
    `select format('%s.%s', c.relname, a.attname) as place, c.oid::regclass::text as from, k.confrelid::regclass::text as to,
            quote_ident(a.attname) as column, quote_ident(b.attname) as target
       from pg_constraint k join pg_class c on c.oid = k.conrelid and not c.relispartition
       join pg_attribute a on a.attrelid = c.oid and a.attnum = k.conkey[1]
       join pg_attribute b on b.attrelid = k.confrelid and b.attnum = k.confkey[1]
      where k.contype = 'f' and c.relnamespace = 'public'::regnamespace and k.conparentid = 0`,
  );
  const dangling: string[] = [];
  for (const { place, from, to, column, target } of keys) {
    const erased = to === 'users' && !MADE_BY_ERASURES.includes(from) ? 'or t.deleted_at is not null' : '';
    const { rowCount } = await client.query(
      `select from ${from} f left join ${to} t on t.${target} = f.${column}
        where f.${column} is not null and (t.${target} is null ${erased}) limit 1`,
    );
    if (rowCount !== 0) dangling.push(place);
  }
  return dangling;
}
