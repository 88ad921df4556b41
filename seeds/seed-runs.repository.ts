import { execute, queryOne, type Read, type Tx } from '../src/kernel/database/index.js';

/** Held while a set is given, so that processes starting together give it once. */
const SEED_LOCK = 7_410_010;

/** Whether the set was given before. */
export async function wasGiven(read: Read, name: string): Promise<boolean> {
  return (await queryOne(read, `select 1 from seed_runs where name = $1`, [name])) !== null;
}

/** Waits until nobody else gives a set, and keeps others waiting until the transaction ends. */
export async function lockSeeding(tx: Tx): Promise<void> {
  await execute(tx, `select pg_advisory_xact_lock($1)`, [SEED_LOCK]);
}

export async function markGiven(tx: Tx, name: string): Promise<void> {
  await execute(tx, `insert into seed_runs (name) values ($1)`, [name]);
}
