import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestApp } from '../../../../test/harness/app.js';
import { openDatabase, type OpenDatabase } from '../../../../test/harness/open-database.js';
import { quietLog } from '../../../../test/harness/quiet-log.js';
import type { Settings } from '../../../kernel/config/index.js';
import { Keyring } from '../../../kernel/crypto/index.js';
import { Database, execute, query } from '../../../kernel/database/index.js';
import { RemoteSecrets } from './remote-secrets.js';
import { Reseal } from './reseal.js';
import { SealedSecretsRepository } from './sealed-secrets.repository.js';

const COUNT = 250;

let app: TestApp;
let sql: OpenDatabase;

beforeAll(async () => {
  app = await TestApp.start();
  sql = await openDatabase(app.settings.databaseUrl ?? '', 2);
  const { id: ownerId } = await app.user();
  await execute(
    sql.database.read,
    `insert into remotes (id, owner_id, name, name_key, type, root, options)
     select gen_random_uuid(), $1, 'r' || n, 'r' || n, 'ftp', '/', '{"host": "h.example", "user": "u"}'
       from generate_series(1, ${COUNT}) n`,
    [ownerId],
  );
  for (const { id } of await query<{ id: string }>(
    sql.database.read,
    `select id from remotes where type = 'ftp'`,
  ))
    await execute(
      sql.database.read,
      `update remotes set secrets = $2, secret_names = '{password}' where id = $1`,
      [id, app.get(RemoteSecrets).seal(id, { password: id })],
    );
});
afterAll(async () => {
  await sql.close();
  await app.stop();
});

/** What a process with another key has; opens what was sealed before as long as it is told the former key. */
const withKey = (remotesKey: string, keyring = app.get(Keyring)): RemoteSecrets =>
  new RemoteSecrets({ remotesKey } as Settings, keyring, quietLog());
/** Knows the new key and nothing of the one before. */
const withOnly = (key: string): RemoteSecrets =>
  withKey(key, new Keyring('another signing secret of this test, long'));
const FIRST = 'the first new key of this test, long enough';
const reseal = (secrets: RemoteSecrets): Reseal =>
  new Reseal(app.get(Database), secrets, new SealedSecretsRepository());
const rows = () =>
  query<{ id: string; secrets: Buffer; version: number; secretsVersion: number }>(
    sql.database.read,
    `select id, secrets, version, secrets_version as "secretsVersion" from remotes where type = 'ftp' order by id`,
  );

it('seals everything anew, and goes on where a killed run ended', async () => {
  const stopAt = 120;
  const killed = reseal(withKey(FIRST)).run((done) => {
    if (done === stopAt) throw new Error('killed');
  });
  await expect(killed).rejects.toThrow('killed');
  // In between every remote is readable for a process that has both keys.
  for (const { id, secrets } of await rows())
    expect(withKey(FIRST).open(id, secrets)).toEqual({ password: id });
  expect(await reseal(withKey(FIRST)).run()).toEqual({
    resealed: COUNT - stopAt,
    current: stopAt,
    unreadable: [],
  });
  const after = await rows();
  for (const { id, secrets, version, secretsVersion } of after) {
    expect(withOnly(FIRST).open(id, secrets)).toEqual({ password: id });
    expect([version, secretsVersion]).toEqual([1, 1]);
  }
  expect(await reseal(withKey(FIRST)).run()).toEqual({ resealed: 0, current: COUNT, unreadable: [] });
  expect((await rows()).map(({ secrets }) => secrets)).toEqual(after.map(({ secrets }) => secrets));
});

it('names what it cannot open and leaves it as it is', async () => {
  const [one] = await rows();
  if (!one) throw new Error('there is no remote');
  await execute(sql.database.read, `update remotes set secrets = 'broken' where id = $1`, [one.id]);
  const { unreadable } = await reseal(withOnly(FIRST)).run();
  expect(unreadable).toEqual([one.id]);
  expect((await rows())[0]?.secrets.toString()).toBe('broken');
});

it('puts nothing old over what is changed at the same moment', async () => {
  const all = await rows();
  const last = all.at(-1);
  if (!last) throw new Error('there is no remote');
  const second = 'the second new key of this test, long enough';
  const both = new RemoteSecrets(
    { remotesKey: second, remotesPreviousKey: FIRST } as Settings,
    app.get(Keyring),
    quietLog(),
  );
  class Racing extends SealedSecretsRepository {
    override async replace(...args: Parameters<SealedSecretsRepository['replace']>): Promise<boolean> {
      if (args[1].id === last?.id && args[1].secrets.equals(last.secrets))
        await execute(sql.database.read, `update remotes set secrets = $2 where id = $1`, [
          last.id,
          withKey(FIRST).seal(last.id, { password: 'newer' }),
        ]);
      return super.replace(...args);
    }
  }
  await new Reseal(app.get(Database), both, new Racing()).run();
  const sealed = (await rows()).at(-1)?.secrets ?? null;
  expect(withOnly(second).open(last.id, sealed)).toEqual({ password: 'newer' });
});
