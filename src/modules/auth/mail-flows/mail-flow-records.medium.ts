import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  accountsApplication,
  type AccountsApplication,
} from '../../../../test/harness/accounts-application.js';
import { Database } from '../../../kernel/database/index.js';
import { AccountHooks } from '../../users/index.js';
import { MailFlowRecords } from './mail-flow-records.js';

let app: AccountsApplication;
beforeAll(async () => {
  app = await accountsApplication();
});
afterAll(() => app.close());

async function person(name: string): Promise<string> {
  const body = { email: `${name}@records.test`, password: 'a sentence to remember' };
  const { body: answer } = await app.call('POST', '/auth/register', { body });
  return (answer['user'] as unknown as { id: string }).id;
}

async function count(userId: string): Promise<number> {
  const rows = await app.sql(
    `select 1 from account_tokens where user_id = $1 union all select 1 from seen_devices where user_id = $1`,
    [userId],
  );
  return rows.length;
}

it('is exported without codes, and gone with the person', async () => {
  const userId = await person('leaver');
  const exported: Record<string, object[]> = {};
  for (const { name, rows } of app.get(AccountHooks).exported(userId)) {
    exported[name] = [];
    for await (const row of rows) exported[name].push(row);
  }
  const { 'mailed-codes': codes, 'seen-devices': devices } = exported;
  expect(codes).toMatchObject([{ purpose: 'verify_email', email: 'leaver@records.test' }]);
  expect(devices).toHaveLength(1);
  expect(JSON.stringify([codes, devices])).not.toMatch(/hash|nonce/i);
  expect(await count(userId)).toBe(2);
  const system = app.get(Database).system('test');
  await system.tx((tx) => app.get(AccountHooks).erased(tx, userId, null));
  expect(await count(userId)).toBe(0);
});

it('is swept once it is old, and not before', async () => {
  const userId = await person('old');
  const age = async (tokenDays: number, deviceDays: number): Promise<void> => {
    await app.sql(
      `update account_tokens set expires_at = now() - make_interval(days => $2) where user_id = $1`,
      [userId, tokenDays],
    );
    await app.sql(
      `update seen_devices set last_seen_at = now() - make_interval(days => $2) where user_id = $1`,
      [userId, deviceDays],
    );
    await app.get(MailFlowRecords).sweep();
  };
  await age(6, 364);
  expect(await count(userId)).toBe(2);
  await age(8, 366);
  expect(await count(userId)).toBe(0);
});
