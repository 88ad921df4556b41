import type { INestApplicationContext } from '@nestjs/common';
import path from 'node:path';
import type { UserActor } from '../src/kernel/auth/index.js';
import type { Settings } from '../src/kernel/config/index.js';
import { Database, newId } from '../src/kernel/database/index.js';
import { RemotesService } from '../src/modules/remotes/index.js';
import { SchedulesService } from '../src/modules/schedules/index.js';
import { PasswordHasher, UsersService } from '../src/modules/users/index.js';
import { oneTimePassword } from '../src/modules/auth/index.js';
import { writeDemoFiles } from './demo-files.js';
import { lockSeeding, markGiven, wasGiven } from './seed-runs.repository.js';

export interface DemoReport {
  /** This start has put the demo data there. */
  readonly demo: boolean;
  /** The password is shown once and stored only as a hash. */
  readonly demoUser: { readonly email: string; readonly password: string } | null;
}

const NONE: DemoReport = { demo: false, demoUser: null };
const SET = 'demo';
const SYSTEM = { type: 'system', name: 'demo data' } as const;
const DEMO_EMAIL = 'demo@steward.local';
const SCHEDULE = 'Back up the samples';

/**
 * A user, two remotes with files in one of them, and a schedule that copies these to the other every minute. Goes
 * through the services, as a person with the rights of the first admin would.
 *
 * Given once, and only to a database that has no user besides that admin. An interrupted start leaves it
 * unmarked; the next one makes what is still missing, because the user and the mark come last and together.
 */
export async function seedDemo(app: INestApplicationContext, settings: Settings): Promise<DemoReport> {
  const users = app.get(UsersService, { strict: false });
  const scope = app.get(Database).as(SYSTEM);
  if (await wasGiven(scope.read, SET)) return NONE;
  const admin = await users.findByIdentifier(scope.read, settings.adminEmail);
  const [localRoot] = settings.localRoots;
  if (admin?.role !== 'admin' || localRoot === undefined) return NONE;
  const password = oneTimePassword();
  const passwordHash = await app.get(PasswordHasher, { strict: false }).hash(password);
  return scope.tx(async (tx) => {
    await lockSeeding(tx);
    if ((await wasGiven(tx, SET)) || (await users.count(tx)) !== 1) return NONE;
    const actor: UserActor = { type: 'user', userId: admin.id, role: 'admin', sessionId: newId() };
    await seedBackup(app, actor, localRoot);
    const name = { email: DEMO_EMAIL, username: 'demo', fullName: 'Demo User' };
    await users.create(tx, SYSTEM, { ...name, passwordHash, isVerified: true });
    await markGiven(tx, SET);
    return { demo: true, demoUser: { email: DEMO_EMAIL, password } };
  });
}

/** The remotes and the schedule, each where it is not there yet. */
async function seedBackup(app: INestApplicationContext, actor: UserActor, localRoot: string): Promise<void> {
  const samples = await remote(app, actor, 'samples', path.join(localRoot, 'samples'));
  await writeDemoFiles(path.join(localRoot, 'samples'));
  const backups = await remote(app, actor, 'backups', path.join(localRoot, 'backups'));
  const schedules = app.get(SchedulesService, { strict: false });
  const { items } = await schedules.list(actor, { limit: 100 });
  if (items.some(({ name }) => name === SCHEDULE)) return;
  const payload = {
    source: { remoteId: samples, path: '/' },
    destination: { remoteId: backups, path: '/samples' },
  };
  const rule = {
    name: SCHEDULE,
    description: 'Demo data: pause or delete it whenever you like.',
    ruleType: 'cron',
    cronExpression: '* * * * *',
    overlapPolicy: 'skip',
    missedPolicy: 'skip',
    jobTemplate: { type: 'copy', payload },
  } as const;
  await schedules.create(actor, rule, null);
}

async function remote(
  app: INestApplicationContext,
  actor: UserActor,
  name: string,
  root: string,
): Promise<string> {
  const remotes = app.get(RemotesService, { strict: false });
  const known = await remotes.findByName(actor, name);
  if (known) return known.id;
  return (await remotes.create(actor, { type: 'local', name, root }, null)).body.id;
}
