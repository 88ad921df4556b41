import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  accountsApplication,
  type AccountsApplication,
} from '../../../../test/harness/accounts-application.js';
import { Person, StoppedClock, outcome } from '../../../../test/harness/factor-clients.js';
import { Keyring, SecretBox } from '../../../kernel/crypto/index.js';
import { AccountHooks } from '../../users/index.js';
import { OperatorFactors } from './operator-factors.js';

let app: AccountsApplication;
let clock: StoppedClock;
beforeAll(async () => {
  app = await accountsApplication();
  clock = new StoppedClock(app);
});
afterAll(async () => {
  clock.restore();
  await app.close();
});
beforeEach(() => clock.reset());

describe('what is stored', () => {
  const sealed = async (id: string): Promise<Buffer> =>
    (
      await app.sql<{ sealed_secret: Buffer }>(
        'select sealed_secret from second_factors where user_id = $1',
        [id],
      )
    )[0]!.sealed_secret;

  it('ASVS 6.5.2, 11.3.2: is neither secret nor recovery code', async () => {
    const person = await Person.enrolled(app, clock);
    const rows = await app.sql<{ row: string }>(
      `select f::text as row from second_factors f where user_id = $1
       union all select c::text from recovery_codes c where user_id = $1
       union all select l::text from audit_logs l where resource_id = $1::text
       union all select e::text from events e where user_id = $1`,
      [person.id],
    );
    const text = rows.map(({ row }) => row).join('\n');
    const hexOf = (value: string): string => Buffer.from(value).toString('hex');
    const secrets = [
      person.secret,
      ...person.recoveryCodes,
      ...person.recoveryCodes.map((c) => c.replaceAll('-', '')),
    ];
    expect(text.length).toBeGreaterThan(1_000);
    for (const secret of secrets) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(hexOf(secret));
    }
    expect((await sealed(person.id)).length).toBe(1 + 12 + 16 + 20);
  });

  it('is of no use in the row of somebody else, and lets nobody in', async () => {
    const [thief, victim] = [await Person.enrolled(app, clock), await Person.enrolled(app, clock)];
    await app.sql('update second_factors set sealed_secret = $2 where user_id = $1', [
      victim.id,
      await sealed(thief.id),
    ]);
    clock.pass(30);
    for (const code of [thief.code(), victim.code(), victim.recoveryCodes[0], undefined]) {
      const answer = await victim.login(code);
      expect(outcome(answer)).toEqual([503, 'factor_unreadable']);
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    }
    expect((await thief.login(thief.code())).status).toBe(200);
  });

  it('goes with an erased person, and what is exported is that and when', async () => {
    const person = await Person.enrolled(app, clock);
    const hooks = app.get(AccountHooks);
    const archive: Record<string, object[]> = {};
    for (const { name, rows } of hooks.exported(person.id)) {
      archive[name] = [];
      for await (const row of rows) archive[name].push(row);
    }
    expect(archive['second-factors']).toEqual([
      { kind: 'totp', createdAt: expect.any(String), confirmedAt: expect.any(String) },
    ]);
    expect(archive['recovery-codes']).toEqual(
      Array.from({ length: 10 }, () => ({ createdAt: expect.any(String), usedAt: null })),
    );
    await app.database.system('test').tx((tx) => hooks.erased(tx, person.id, null));
    expect(await app.sql('select 1 from second_factors where user_id = $1', [person.id])).toEqual([]);
    expect(await app.sql('select 1 from recovery_codes where user_id = $1', [person.id])).toEqual([]);
  });
});

it('with another signing secret no factor can be opened: the operator counts and removes them', async () => {
  const [first, second] = [await Person.enrolled(app, clock), await Person.enrolled(app, clock)];
  const operator = app.get(OperatorFactors);
  expect((await operator.unreadable()).userIds).not.toContain(first.id);
  // The row as another secret would have sealed it.
  const foreign = new SecretBox(
    new Keyring('another signing secret, long enough as well').derive('second factor'),
  );
  await app.sql('update second_factors set sealed_secret = $2 where user_id = $1', [
    first.id,
    foreign.seal(Buffer.alloc(20), `totp ${first.id}`),
  ]);
  expect(outcome(await first.login(first.recoveryCodes[0]))).toEqual([503, 'factor_unreadable']);
  const { userIds } = await operator.unreadable();
  expect(userIds).toContain(first.id);
  expect(userIds).not.toContain(second.id);
  await operator.resetAll(userIds);
  expect((await operator.unreadable()).userIds).toEqual([]);
  expect((await first.login()).status).toBe(200);
  expect(outcome(await second.login())).toEqual([401, 'mfa_required']);
});
