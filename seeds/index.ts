import type { INestApplicationContext } from '@nestjs/common';
import type { Settings } from '../src/kernel/config/index.js';
import { FirstAdmin } from '../src/modules/auth/index.js';
import { seedDemo, type DemoReport } from './demo.js';

export interface SeedReport extends DemoReport {
  /** Set when this start has created the first admin. */
  readonly admin: { readonly email: string; readonly oneTimePassword: string | null } | null;
}

/**
 * First data of an empty database: the first admin, and outside production the demo set. Safe to repeat and to be
 * interrupted: each step looks for what it would make, so the next start makes what is missing.
 */
export async function seed(app: INestApplicationContext, settings: Settings): Promise<SeedReport> {
  const admin = await app.get(FirstAdmin, { strict: false }).ensure();
  const demo = settings.demo ? await seedDemo(app, settings) : { demo: false, demoUser: null };
  return { admin, ...demo };
}
