import { DataSource, EntitySchema } from 'typeorm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, withClient, type TestDatabase } from '../../../test/harness/database.js';
import type { Actor } from '../auth/actor.js';
import { dataSourceOptions } from './data-source.js';
import { Database, type DatabaseScope } from './database.js';
import type { Read } from './handles.js';
import { newId } from './id.js';
import { entities, execute, isUnreachable, query, queryOne } from './sql.js';

interface Seen {
  readonly userId: string | null;
  readonly admin: boolean;
  readonly system: boolean;
  readonly name: string;
}

const SEEN = `select current_user_id() as "userId", current_user_is_admin() as admin, in_system_context() as system,
                     coalesce(current_setting('steward.system', true), '') as name`;
const NOBODY: Seen = { userId: null, admin: false, system: false, name: '' };

const Note = new EntitySchema<{ id: string; body: object | null }>({
  name: 'notes',
  columns: { id: { type: 'uuid', primary: true }, body: { type: 'jsonb', nullable: true } },
});

let testDatabase: TestDatabase;
let dataSource: DataSource;
let database: Database;

const connect = async (poolSize: number): Promise<void> => {
  dataSource = new DataSource({ ...dataSourceOptions(testDatabase.url, poolSize), entities: [Note] });
  await dataSource.initialize();
  database = new Database(dataSource);
};

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  await withClient(testDatabase.url, (client) =>
    client.query(
      `create table notes (id uuid primary key, body jsonb, later uuid references notes (id) deferrable initially deferred)`,
    ),
  );
});
afterAll(() => testDatabase.drop());
beforeEach(() => connect(1));
afterEach(() => dataSource.destroy());

const user = (role: 'user' | 'power_user' | 'admin' = 'user'): Actor & { userId: string } => ({
  type: 'user',
  userId: newId(),
  role,
  sessionId: newId(),
});
const seen = (read: Read, name?: string): Promise<Seen | null> => queryOne<Seen>(read, SEEN, [], name);
const pid = async (read: Read): Promise<number> =>
  (await queryOne<{ pid: number }>(read, 'select pg_backend_pid() as pid'))!.pid;
const note = (read: Read, id: string): Promise<number> =>
  execute(read, 'insert into notes (id) values ($1)', [id]);
const notes = async (...ids: string[]): Promise<number> =>
  (await query(database.read, 'select from notes where id = any ($1)', [ids])).length;

describe('the context of a scope', () => {
  const someone = user();
  const admin = user('admin');
  const job: Actor = { type: 'job', userId: newId(), role: 'power_user', jobId: newId() };
  it.each<[string, () => DatabaseScope, Seen]>([
    ['a user', () => database.as(someone), { ...NOBODY, userId: someone.userId }],
    ['an admin', () => database.as(admin), { ...NOBODY, userId: admin.userId, admin: true }],
    ['a job of its owner', () => database.as(job), { ...NOBODY, userId: job.userId }],
    ['the system', () => database.system('a test'), { ...NOBODY, system: true, name: 'a test' }],
    [
      'an actor of the system',
      () => database.as({ type: 'system', name: "it's a \\ test; 시험" }),
      { ...NOBODY, system: true, name: "it's a \\ test; 시험" },
    ],
    ['nobody', () => database, NOBODY],
  ])(
    'of %s holds in reads, transactions and for entities, and not a moment longer',
    async (_, scope, expected) => {
      for (const name of [undefined, 'scope_test', 'scope_test']) {
        expect(await seen(scope().read, name)).toEqual(expected);
        expect(await seen(database.read)).toEqual(NOBODY);
        await scope().tx(async (tx) => {
          expect(await seen(tx, name)).toEqual(expected);
          expect(await seen(tx)).toEqual(expected);
        });
        expect(await seen(database.read, name)).toEqual(NOBODY);
      }
      const throughEntities = (read: Read): Promise<Seen[]> => entities(read, Note).query(SEEN);
      expect(await throughEntities(scope().read)).toEqual([expected]);
      expect(await scope().tx(throughEntities)).toEqual([expected]);
      await scope().tx(async (tx) => expect(await entities(tx, Note).findBy({ id: newId() })).toEqual([]));
      expect(await entities(scope().read, Note).findBy({ id: newId() })).toEqual([]);
      expect(await seen(database.read)).toEqual(NOBODY);
    },
  );

  it('is kept apart between statements that run at the same time', async () => {
    await dataSource.destroy();
    await connect(4);
    const people = Array.from({ length: 60 }, () => user());
    const found = await Promise.all(
      people.map(async (actor, index) => {
        const scope = database.as(actor);
        if (index % 3 === 0) return scope.tx((tx) => seen(tx, 'scope_test'));
        const [first, second] = await Promise.all([seen(scope.read, 'scope_test'), seen(scope.read)]);
        expect(second).toEqual(first);
        return first;
      }),
    );
    expect(found.map((one) => one?.userId)).toEqual(people.map(({ userId }) => userId));
  });

  it('needs a name for the system', () => {
    expect(() => database.system(' ')).toThrow('needs a name');
  });

  it('that cannot be set keeps the statement from running', async () => {
    const broken = database.system('a \0 b');
    const id = newId();
    await expect(note(broken.read, id)).rejects.toMatchObject({ code: '22021' });
    await expect(broken.tx((tx) => note(tx, id))).rejects.toMatchObject({ code: '22021' });
    const swallowed = broken.tx(async (tx) => {
      await note(tx, id).catch(() => undefined);
      await note(tx, id).catch(() => undefined);
    });
    await expect(swallowed).rejects.toMatchObject({ code: '22021' });
    expect(await notes(id)).toBe(0);
    expect(await seen(database.read)).toEqual(NOBODY);
  });
});

describe('a read scope', () => {
  it('commits what a single statement writes', async () => {
    const id = newId();
    expect(await note(database.as(user()).read, id)).toBe(1);
    const { rowCount } = await withClient(testDatabase.url, (client) =>
      client.query('select from notes where id = $1', [id]),
    );
    expect(rowCount).toBe(1);
  });

  it('keeps its connection when the server refuses a statement', async () => {
    const scope = database.as(user());
    const before = await pid(scope.read);
    const id = newId();
    await note(scope.read, id);
    await expect(note(scope.read, id)).rejects.toMatchObject({ code: '23505' });
    await expect(query(scope.read, 'select nonsense', [], 'scope_bad')).rejects.toMatchObject({
      code: '42703',
    });
    await expect(
      query(scope.read, 'insert into notes (id, later) values ($1, $2)', [newId(), newId()]),
    ).rejects.toMatchObject({ code: '23503' });
    expect(await pid(scope.read)).toBe(before);
    expect(await seen(database.read)).toEqual(NOBODY);
  });

  it('leads an error back to who asked', async () => {
    const error = await query(database.as(user()).read, 'select nonsense').catch((one: unknown) => one);
    expect((error as Error).stack).toContain('scopes.medium.ts');
  });

  it('does not use a connection again that it cannot trust, and is not held up by it', async () => {
    const scope = database.as(user());
    // On a connection that has never set a context, nobody can say whether the statement for it is known now.
    await expect(query(scope.read, 'select nonsense')).rejects.toMatchObject({ code: '42703' });
    expect((await seen(scope.read))?.userId).toBeTruthy();
    const before = await pid(scope.read);
    const circular: { self?: unknown } = {};
    circular.self = circular;
    await expect(query(scope.read, 'select $1::jsonb', [circular])).rejects.toThrow('circular');
    expect(await pid(scope.read)).not.toBe(before);
  });

  it('has no transaction', async () => {
    await expect(entities(database.as(user()).read, Note).save({ id: newId() })).rejects.toThrow(
      'use Database.tx',
    );
  });

  it('survives the end of its connection', async () => {
    const scope = database.as(user());
    const killed = query(scope.read, 'select pg_terminate_backend(pg_backend_pid())');
    await expect(killed).rejects.toSatisfy(isUnreachable);
    expect((await seen(scope.read))?.userId).toBeTruthy();
  });
});

describe('a transaction', () => {
  it('commits everything or nothing, and calls back only after it has committed', async () => {
    const called: string[] = [];
    const [kept, lost] = [newId(), newId()];
    await database.system('a test').tx(async (tx) => {
      tx.afterCommit(() => called.push('kept'));
      await note(tx, kept);
      expect(called).toEqual([]);
    });
    const failing = database.system('a test').tx(async (tx) => {
      tx.afterCommit(() => called.push('lost'));
      await note(tx, lost);
      throw new Error('never mind');
    });
    await expect(failing).rejects.toThrow('never mind');
    expect(called).toEqual(['kept']);
    expect([await notes(kept), await notes(lost)]).toEqual([1, 0]);
  });

  it('rejects when a statement has failed, also when nobody minded', async () => {
    const [first, second] = [newId(), newId()];
    const spoilt = database.system('a test').tx(async (tx) => {
      await note(tx, first);
      await note(tx, first).catch(() => undefined);
      await note(tx, second).catch(() => undefined);
    });
    await expect(spoilt).rejects.toThrow('nothing was committed');
    expect(await notes(first, second)).toBe(0);
  });

  it('rejects when it cannot be committed', async () => {
    const id = newId();
    const dangling = database.tx((tx) =>
      execute(tx, 'insert into notes (id, later) values ($1, $2)', [id, newId()]),
    );
    await expect(dangling).rejects.toMatchObject({ code: '23503' });
    expect(await notes(id)).toBe(0);
  });

  it('is joined by entities, and one inside it is a savepoint', async () => {
    const [outer, inner] = [newId(), newId()];
    await database.system('a test').tx(async (tx) => {
      await entities(tx, Note).save({ id: outer, body: { n: 1 } });
      const undone = entities(tx, Note).manager.transaction(async (manager) => {
        await manager.getRepository(Note).save({ id: inner });
        throw new Error('only the inner one');
      });
      await expect(undone).rejects.toThrow('only the inner one');
      expect(await entities(tx, Note).findOneBy({ id: outer })).toEqual({ id: outer, body: { n: 1 } });
    });
    expect(await notes(outer, inner)).toBe(1);
  });

  it('that loses its connection rejects as out of reach and leaves the pool a working one', async () => {
    const id = newId();
    const called: string[] = [];
    const lost = database.system('a test').tx(async (tx) => {
      tx.afterCommit(() => called.push('lost'));
      await note(tx, id);
      const mine = await pid(tx);
      await withClient(testDatabase.url, (client) => client.query('select pg_terminate_backend($1)', [mine]));
    });
    await expect(lost).rejects.toSatisfy(isUnreachable);
    expect(called).toEqual([]);
    expect(await notes(id)).toBe(0);
  });

  it('without a statement does nothing', async () => {
    expect(await database.system('a test').tx(() => Promise.resolve(7))).toBe(7);
    await expect(
      database.tx(() => {
        throw new Error('at once');
      }),
    ).rejects.toThrow('at once');
    expect(await seen(database.read)).toEqual(NOBODY);
  });

  it('may fail at its first statement and be followed by others', async () => {
    for (const scope of [database, database.system('a test'), database.as(user())])
      for (let times = 0; times < 3; times++)
        await expect(scope.tx((tx) => query(tx, 'select nonsense'))).rejects.toMatchObject({ code: '42703' });
    expect(await seen(database.read)).toEqual(NOBODY);
  });
});
