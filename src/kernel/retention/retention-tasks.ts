import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Database,
  MonthsRepository,
  yieldedToOthers,
  type Age,
  type Month,
  type RetainedTable,
  type Tx,
} from '../database/index.js';

export interface RetentionContext {
  /** Only counts what would be removed. */
  readonly dryRun: boolean;
  /** Aborted when the run is to end; a task then stops between two of its steps and throws. */
  readonly signal: AbortSignal;
}

export interface RetentionReport {
  /** Rows that were removed, or in a dry run would have been. */
  readonly removed: number;
  /** Months whose partitions were dropped. */
  readonly dropped: readonly string[];
  /** Rows that were written into archives before. */
  readonly archived: number;
  /** What could not be done now and is tried again at the next run, such as a month that somebody reads. */
  readonly postponed: readonly string[];
}

/** One that is still being written. */
export interface OpenReport extends RetentionReport {
  removed: number;
  readonly dropped: string[];
  archived: number;
  readonly postponed: string[];
}

export const emptyReport = (): OpenReport => ({ removed: 0, dropped: [], archived: 0, postponed: [] });

/** Removes old rows of one kind. Safe to repeat, to interrupt and to run twice at the same time. */
export interface RetentionTask {
  readonly name: string;
  run(context: RetentionContext): Promise<RetentionReport>;
}

/** What looks after old rows in this build. Parts register in `onModuleInit`; run in that order. */
@Injectable()
export class RetentionTasks {
  private readonly tasks: RetentionTask[] = [];

  register(task: RetentionTask): void {
    this.tasks.push(task);
  }

  all(): readonly RetentionTask[] {
    return this.tasks;
  }
}

const TRIES = 4;
const PAUSE_MS = 700;

/**
 * Changes monthly partitions, each in a short transaction of its own. The lock is waited for only briefly and a few
 * times: somebody who reads the table for long must not be waited for, because everybody else would have to wait, too.
 */
@Injectable()
export class Months {
  constructor(
    private readonly database: Database,
    private readonly months: MonthsRepository,
  ) {}

  list(table: RetainedTable): Promise<Month[]> {
    return this.months.list(this.database.system('retention').read, table);
  }

  daysAgo(days: number): Promise<Age> {
    return this.months.daysAgo(this.database.system('retention').read, days);
  }

  /** `held`: somebody keeps the lock. */
  async drop(table: RetainedTable, month: Month, signal: AbortSignal): Promise<'dropped' | 'gone' | 'held'> {
    const done = await this.patiently((tx) => this.months.drop(tx, table, month), signal);
    return done === null ? 'held' : done ? 'dropped' : 'gone';
  }

  /** Null: somebody keeps the lock. */
  close(month: Month, signal: AbortSignal): Promise<boolean | null> {
    return this.patiently((tx) => this.months.close(tx, month), signal);
  }

  async reopen(month: Month, signal: AbortSignal): Promise<boolean> {
    return (await this.patiently((tx) => this.months.reopen(tx, month).then(() => true), signal)) ?? false;
  }

  private async patiently(
    change: (tx: Tx) => Promise<boolean>,
    signal: AbortSignal,
  ): Promise<boolean | null> {
    for (let tries = 1; ; tries++) {
      signal.throwIfAborted();
      try {
        return await this.database.system('retention').tx(change);
      } catch (error) {
        if (!yieldedToOthers(error)) throw error;
        if (tries === TRIES) return null;
        await sleep(PAUSE_MS * (0.5 + Math.random()), undefined, { signal });
      }
    }
  }
}
