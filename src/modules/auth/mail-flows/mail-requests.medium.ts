import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  accountsApplication,
  type AccountsApplication,
} from '../../../../test/harness/accounts-application.js';
import { Transaction } from '../../../kernel/database/connections.js';
import { ANSWER_FLOOR_MS, afterFloor } from './mail-requests.js';

let app: AccountsApplication;
beforeAll(async () => {
  app = await accountsApplication();
  for (const name of ['unverified', 'verified', 'inactive', 'often'])
    await app.call('POST', '/auth/register', {
      body: { email: `${name}@same.test`, password: 'a password of theirs' },
    });
  await app.sql(`update users set is_verified = true where email = 'verified@same.test'`);
  await app.sql(`update users set is_active = false where email = 'inactive@same.test'`);
  for (let count = 0; count < 4; count++)
    for (const route of ['/auth/email/resend', '/auth/password/forgot'])
      await app.call('POST', route, { body: { email: 'often@same.test' } });
});
afterAll(() => app.close());
afterEach(() => vi.restoreAllMocks());

/** The texts of the statements of the one transaction that has to do with codes. */
async function statementsOf(work: () => Promise<unknown>): Promise<string[]> {
  const texts = new Map<Transaction, string[]>();
  const query = Transaction.prototype.query;
  vi.spyOn(Transaction.prototype, 'query').mockImplementation(function (this: Transaction, statement) {
    texts.set(this, [...(texts.get(this) ?? []), statement.text]);
    return query.call(this, statement);
  });
  await work();
  vi.restoreAllMocks();
  const found = [...texts.values()].filter((all) => all.some((text) => text.includes('account_tokens')));
  expect(found).toHaveLength(1);
  return found[0] ?? [];
}

describe.each(['/auth/password/forgot', '/auth/email/resend'])('POST %s (6.3.8)', (route) => {
  const ask = (name: string) => app.call('POST', route, { body: { email: `${name}@same.test` } });

  it('runs the same statements whoever has the address, if anybody', async () => {
    const known = await statementsOf(() => ask('unverified'));
    expect(known.length).toBeGreaterThan(6);
    expect(known.at(-1)).toContain('audit_logs');
    for (const name of ['nobody', 'verified', 'inactive', 'often', 'سارا'])
      expect(await statementsOf(() => ask(name))).toEqual(known);
  });

  it('answers the same, and never before the floor', async () => {
    const answers = await Promise.all(
      ['unverified', 'nobody', 'verified', 'inactive', 'often'].map(async (name) => {
        const began = performance.now();
        const { status, body, headers } = await ask(name);
        // A timer may fire a millisecond early.
        expect(performance.now() - began).toBeGreaterThanOrEqual(ANSWER_FLOOR_MS - 1);
        const { date, 'x-request-id': id, ...others } = headers;
        expect([typeof date, typeof id]).toEqual(['string', 'string']);
        return { status, body, others };
      }),
    );
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]).toMatchObject({ status: 202, body: { status: 'accepted' } });
  });
});

it('holds back an error as long as an answer', async () => {
  const began = performance.now();
  await expect(afterFloor(() => Promise.reject(new Error('no database')))).rejects.toThrow('no database');
  expect(performance.now() - began).toBeGreaterThanOrEqual(ANSWER_FLOOR_MS - 1);
});
