import type { Settings } from '../kernel/config/index.js';
import { OperatorFactors, OperatorReset } from '../modules/auth/index.js';
import { noSuchAccount } from './failure.js';
import { withAccounts } from './with-accounts.js';

/** Throws `CommandError` when there is no such account or the schema is not up to date. */
export async function resetPassword(settings: Settings, databaseUrl: string, email: string) {
  return withAccounts(settings, databaseUrl, async (app) => {
    const done = await app.get(OperatorReset, { strict: false }).reset(email);
    if (!done) throw noSuchAccount(email);
    return { ...done, hasFactor: await app.get(OperatorFactors, { strict: false }).isEnrolled(done.email) };
  });
}
