import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApp } from '../../../../test/harness/app.js';
import { openDatabase, type OpenDatabase } from '../../../../test/harness/open-database.js';
import { Settings } from '../../../kernel/config/index.js';
import { Database, execute, newId, query } from '../../../kernel/database/index.js';
import { Events } from '../../../kernel/realtime/index.js';
import { EngineRemotes } from '../engine-remotes.js';
import { TransferEngine, TransferError } from '../engine/transfer-engine.js';
import { OutboundHosts } from '../outbound/outbound-hosts.js';
import { RemotesRepository } from '../remotes.repository.js';
import { RemoteChecks } from './remote-checks.js';
import { RemoteChecksRepository } from './remote-checks.repository.js';

let app: TestApp;
let sql: OpenDatabase;
let ownerId: string;

beforeAll(async () => {
  app = await TestApp.start();
  sql = await openDatabase(app.settings.databaseUrl ?? '', 2);
  ownerId = (await app.user()).id;
});
afterAll(async () => {
  await sql.close();
  await app.stop();
});

type Probe = () => Promise<void>;

/** The checks of one more process, whose engine says what the test wants. */
function process(probe: Probe, remotesCheckSeconds = 900): RemoteChecks {
  const engine = { probe } as unknown as TransferEngine;
  return new RemoteChecks(
    { remotesCheckSeconds } as Settings,
    app.get(Database),
    engine,
    new OutboundHosts(['h.example']),
    app.get(EngineRemotes),
    app.get(RemotesRepository),
    new RemoteChecksRepository(),
    app.get(Events),
  );
}

async function remote(): Promise<string> {
  const id = newId();
  await execute(
    sql.database.read,
    `insert into remotes (id, owner_id, name, name_key, type, root, options)
     values ($1::uuid, $2, $1::text, $1::text, 'ftp', '/', '{"host": "h.example", "user": "u"}')`,
    [id, ownerId],
  );
  return id;
}
const state = async (id: string) =>
  (
    await query<{ status: string; statusDetail: string | null; checked: boolean; edited: boolean }>(
      sql.database.read,
      `select status, status_detail as "statusDetail", last_checked_at is not null as checked,
              updated_at <> created_at as edited from remotes where id = $1`,
      [id],
    )
  )[0];
const events = (id: string) =>
  query(sql.database.read, `select data->>'to' as "to" from events where subject_id = $1 order by id`, [id]);

describe('what is found', () => {
  it.each([
    ['auth', 'auth_error'],
    ['temporary', 'offline'],
    ['permission', 'offline'],
    ['not_supported', 'offline'],
  ] as const)('is of %s told as %s, once', async (kind, status) => {
    const id = await remote();
    const checks = process(() => Promise.reject(new TransferError(kind, `because of ${kind}`)));
    await checks.checkSoon([id]);
    await checks.checkSoon([id]);
    expect(await state(id)).toEqual({
      status,
      statusDetail: `because of ${kind}`,
      checked: true,
      edited: false,
    });
    expect(await events(id)).toEqual([{ to: status }]);
  });

  it('is nothing where there is no rclone', async () => {
    const id = await remote();
    await process(() => Promise.reject(new TransferError('unavailable', 'no rclone'))).checkSoon([id]);
    expect(await state(id)).toMatchObject({ status: 'unknown', checked: false });
  });

  it('is not asked again of who refused the login a moment ago', async () => {
    const id = await remote();
    let probes = 0;
    const checks = process(() => {
      probes++;
      return Promise.reject(new TransferError('auth', 'no'));
    });
    await checks.checkSoon([id]);
    await checks.checkSoon([id]);
    expect(probes).toBe(1);
    await execute(
      sql.database.read,
      `update remotes set last_checked_at = now() - interval '2 minutes' where id = $1`,
      [id],
    );
    await checks.checkSoon([id]);
    expect(probes).toBe(2);
  });

  it('holds no secret', async () => {
    const made = await app.call<{ id: string }>('POST', '/api/remotes', {
      body: {
        type: 'ftp',
        name: 'hides',
        options: { host: '2001:4860::dead', user: 'u' },
        secrets: { password: 'm4rker-word' },
      },
    });
    const checks = process(() => Promise.reject(new TransferError('auth', '530 m4rker-word is wrong')));
    await checks.checkSoon([made.body.id]);
    expect((await state(made.body.id))?.statusDetail).toBe('530 (hidden) is wrong');
  });
});

describe('the check now and then', () => {
  const due = async (checks: RemoteChecks): Promise<void> => checks.checkDue(() => false);

  it('is of what was used, once for all processes', async () => {
    const [used, unused] = [await remote(), await remote()];
    let probes = 0;
    const all = Array.from({ length: 4 }, () =>
      process(() => {
        probes++;
        return Promise.resolve();
      }),
    );
    for (const checks of all) checks.markUsed(used);
    await Promise.all(all.map((checks) => checks.saveUsed()));
    await Promise.all(all.map(due));
    expect([(await state(used))?.status, (await state(unused))?.status]).toEqual(['online', 'unknown']);
    const before = probes;
    await Promise.all(all.map(due));
    expect(probes).toBe(before);
    // An hour later it is due again; one that nobody uses any more is not.
    await execute(sql.database.read, `update remotes set last_checked_at = now() - interval '1 hour'`);
    await execute(
      sql.database.read,
      `update remotes set used_at = now() - interval '2 days' where id <> $1`,
      [used],
    );
    await Promise.all(all.map(due));
    expect(probes).toBe(before + 1);
  });

  it('leaves alone what another process is looking at, until it must have died', async () => {
    const id = await remote();
    await execute(
      sql.database.read,
      `update remotes set used_at = now(), check_claimed_at = now() where id = $1`,
      [id],
    );
    const checks = process(() => Promise.resolve());
    await due(checks);
    await checks.checkSoon([id]);
    expect((await state(id))?.checked).toBe(false);
    await execute(
      sql.database.read,
      `update remotes set check_claimed_at = now() - interval '2 minutes' where id = $1`,
      [id],
    );
    await due(checks);
    expect((await state(id))?.checked).toBe(true);
  });

  it('can be switched off', async () => {
    const id = await remote();
    await execute(sql.database.read, `update remotes set used_at = now() where id = $1`, [id]);
    await due(process(() => Promise.resolve(), 0));
    expect((await state(id))?.checked).toBe(false);
  });

  it('says of a remote that may not be used as it is what is wrong', async () => {
    const id = await remote();
    await execute(sql.database.read, `update remotes set options = '{"ssh": "x"}' where id = $1`, [id]);
    await process(() => Promise.resolve()).checkSoon([id]);
    expect(await state(id)).toMatchObject({
      status: 'offline',
      statusDetail: expect.stringContaining('/options/ssh') as string,
    });
  });
});
