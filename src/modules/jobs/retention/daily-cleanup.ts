import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { createHash } from 'node:crypto';
import { v7 } from 'uuid';
import { Settings, serves } from '../../../kernel/config/index.js';
import { Database, violatedUnique } from '../../../kernel/database/index.js';
import { Log } from '../../../kernel/log/index.js';
import { SingleFlight } from '../../../kernel/time/index.js';
import { JobsCreation } from '../jobs-creation.js';
import { cleanup } from './cleanup.job.js';
import { DaysRepository } from './days.repository.js';

const LOOK_EVERY_MS = 300_000;
const ACTOR = { type: 'system', name: 'daily cleanup' } as const;

/**
 * Makes one `cleanup` job a day for the whole installation, whatever number of processes looks: the day, on the
 * database's clock, is the job's id. The first look is five minutes after the start, so that one does not begin with
 * the work of a missed night.
 */
@Injectable()
export class DailyCleanup implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly log: Log;
  private readonly flight: SingleFlight;
  private madeFor: string | null = null;

  constructor(
    private readonly settings: Settings,
    private readonly database: Database,
    private readonly creation: JobsCreation,
    private readonly days: DaysRepository,
    log: Log,
  ) {
    this.log = log.area('retention');
    this.flight = SingleFlight.held(
      () => this.look(),
      (error) => this.log.warn({ err: error }, 'the daily cleanup could not be made, it is tried again'),
    );
  }

  onApplicationBootstrap(): void {
    if (serves(this.settings, 'worker', 'scheduler')) this.flight.begin();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.flight.stop();
  }

  @Interval(LOOK_EVERY_MS)
  tick(): void {
    this.flight.trigger();
  }

  /** Resolves when the day's job is there. */
  async look(): Promise<void> {
    const scope = this.database.system('daily cleanup');
    const { day, since } = await this.days.today(scope.read);
    if (this.madeFor === day) return;
    try {
      const request = { id: idOf(day, since), type: cleanup.name, payload: {} };
      await scope.tx((tx) => this.creation.create(tx, ACTOR, request));
    } catch (error) {
      // Another process has made it in the same moment.
      if (violatedUnique(error) === null) throw error;
    }
    this.madeFor = day;
  }
}

/** A UUIDv7 of the beginning of the day whose other bits follow from the day. */
export const idOf = (day: string, since: Date): string =>
  v7({
    msecs: since.getTime(),
    random: createHash('sha256').update(`${cleanup.name} ${day}`).digest().subarray(0, 16),
    seq: 0,
  });
