import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '../../../kernel/database/index.js';
import { JobsService, type JobFence } from '../../jobs/index.js';
import { conflicts, type LockPlace } from './lock-places.js';
import { PathLocksRepository, type LockRow } from './path-locks.repository.js';

/** A place with the words that name it for the owner of the job. */
export interface WantedPlace extends LockPlace {
  readonly label: string;
}

/** What an attempt asks for. */
export interface LockRequest {
  readonly fence: JobFence;
  readonly places: readonly WantedPlace[];
  /** Places that are only counted: no more than `most` attempts hold one of the scope. */
  readonly counts: readonly { readonly scope: string; readonly most: number; readonly label: string }[];
}

/**
 * Who reads and writes where among the jobs that run (S1-41, C29). Readers share; a writer has its place and all
 * below for itself; what lies above or below a place conflicts with it. An attempt takes all its places in one
 * transaction or none of them, so that no two wait for each other, and a lock counts only while its attempt holds
 * its job, so that a crash leaves nothing behind.
 *
 * Nobody queues in the table: who finds a place taken is postponed and tried again when somebody leaves.
 */
@Injectable()
export class PathLocks {
  constructor(
    private readonly database: Database,
    private readonly jobs: JobsService,
    private readonly rows: PathLocksRepository,
  ) {}

  /** In the transaction that found the attempt to hold its job. Answers in words what it has to wait for; null: nothing. */
  async take(tx: Tx, { fence, places, counts }: LockRequest): Promise<string | null> {
    const scopes = [...new Set([...places, ...counts].map(({ scope }) => scope))];
    await this.rows.lockScopes(tx, scopes);
    const known = await this.rows.inScopes(tx, scopes);
    const others = known.filter(({ isHeld, jobId }) => isHeld && jobId !== fence.jobId);
    const alive = new Set((await this.jobs.heldAmong(tx, others)).map(attemptOf));
    const held = others.filter((row) => alive.has(attemptOf(row)));
    await this.rows.remove(
      tx,
      others.filter((row) => !alive.has(attemptOf(row))).map(({ id }) => id),
    );
    await this.rows.removeOf(tx, fence.jobId);
    const reason = conflictOf(places, held) ?? fullOf(counts, held);
    const counted = counts.map(({ scope }) => ({ scope, key: '', writes: false, through: null }));
    await this.rows.insert(tx, fence, [...places, ...counted], reason === null);
    return reason;
  }

  /**
   * The job that writes at one of these places at this moment, or above or below it; null: nobody. For who changes a
   * single file: it is a look that holds nothing, so a job that begins a moment later is not kept out.
   */
  async writerAt(places: readonly LockPlace[]): Promise<string | null> {
    const { read } = this.database.system('path locks');
    const scopes = [...new Set(places.map(({ scope }) => scope))];
    const writers = (await this.rows.inScopes(read, scopes)).filter(
      (row) => row.isHeld && row.writes && places.some((place) => conflicts(place, row)),
    );
    const [held] = await this.jobs.heldAmong(read, writers);
    return held?.jobId ?? null;
  }

  /** At the end of an attempt, whatever its end was. Those who wait for what it had are tried again at once. */
  async release(fence: JobFence): Promise<void> {
    const scope = this.database.system('path locks');
    const waiting = await scope.tx(async (tx) => {
      const scopes = await this.rows.release(tx, fence);
      return scopes.length > 0 ? this.rows.dismissWaiting(tx, scopes) : [];
    });
    // By itself: an attempt of one of them holds its job and may want the rows that were just removed.
    if (waiting.length > 0) await scope.tx((tx) => this.jobs.wake(tx, waiting));
  }
}

const attemptOf = ({ jobId, leaseEpoch }: JobFence): string => `${jobId} ${leaseEpoch}`;

function conflictOf(places: readonly WantedPlace[], held: readonly LockRow[]): string | null {
  for (const place of places) {
    const other = held.find((row) => conflicts(place, row));
    if (other)
      return `It waits for the job ${other.jobId}, which ${other.writes ? 'writes' : 'reads'} at ${place.label}.`;
  }
  return null;
}

function fullOf(counts: LockRequest['counts'], held: readonly LockRow[]): string | null {
  for (const { scope, most, label } of counts) {
    const jobs = new Set(held.filter((row) => row.scope === scope).map(({ jobId }) => jobId));
    if (jobs.size >= most) return `It waits until fewer than ${most} file jobs run ${label}.`;
  }
  return null;
}
