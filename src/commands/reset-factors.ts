import type { Settings } from '../kernel/config/index.js';
import { OperatorFactors } from '../modules/auth/index.js';
import { noSuchAccount } from './failure.js';
import { withAccounts } from './with-accounts.js';

/** Throws `CommandError` when there is no such account or the schema is not up to date. */
export async function resetFactors(settings: Settings, databaseUrl: string, email: string) {
  return withAccounts(settings, databaseUrl, async (app) => {
    const done = await app.get(OperatorFactors, { strict: false }).reset(email);
    if (!done) throw noSuchAccount(email);
    return done;
  });
}

/** How many people have a factor that the signing secret of now does not open; removes them when `really`. */
export async function resetUnreadableFactors(settings: Settings, databaseUrl: string, really: boolean) {
  return withAccounts(settings, databaseUrl, async (app) => {
    const factors = app.get(OperatorFactors, { strict: false });
    const { userIds, people } = await factors.unreadable();
    if (really) await factors.resetAll(userIds);
    return { unreadable: userIds.length, people };
  });
}
