import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Settings, serves } from '../../../kernel/config/index.js';
import { Database, BEFORE_ALL, type Tx } from '../../../kernel/database/index.js';
import { Log } from '../../../kernel/log/index.js';
import { SingleFlight, TZ_VERSION } from '../../../kernel/time/index.js';
import { CalendarDays, type KnownDays } from '../calendars/calendar-days.js';
import { nextAfter } from '../core/index.js';
import { dateOf, parseRule } from '../rule-timing.js';
import type { ScheduleRuleEntity } from '../schedule-rule.entity.js';
import { SchedulesRepository } from '../schedules.repository.js';

const RULES_PER_BATCH = 200;
/** Also later than at the start: a process with older tz data may have planned since. */
const EVERY_HOUR_MS = 3_600_000;

/**
 * Plans rules anew whose next instant follows from older tz data than that of this process. Without it, a rule whose
 * clocks now change earlier would run late, and one that has become due in between would lose its run: the cursor
 * moves to the next planned instant by itself, never back. Planning counts from where the ledger ends, so what has
 * become due by the new data is planned like any late instant, and nothing is planned twice.
 *
 * Rules of newer data are left alone: of processes with two versions the newer one decides.
 */
@Injectable()
export class TzReplanner implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly flight: SingleFlight;
  private readonly log: Log;

  constructor(
    private readonly settings: Settings,
    private readonly database: Database,
    private readonly rules: SchedulesRepository,
    private readonly days: CalendarDays,
    log: Log,
  ) {
    this.log = log.area('scheduler');
    this.flight = SingleFlight.held(
      () => this.pass(),
      (error) =>
        this.log.warn({ err: error }, 'schedules could not be planned by new tz data, it is tried again'),
    );
  }

  onApplicationBootstrap(): void {
    if (!serves(this.settings, 'scheduler')) return;
    this.flight.begin();
    this.flight.trigger();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.flight.stop();
  }

  @Interval(EVERY_HOUR_MS)
  again(): void {
    this.flight.trigger();
  }

  /** All of them, a batch at a time; how many were planned by older data than `version`. */
  async replan(version: string = TZ_VERSION, goesOn: () => boolean = () => true): Promise<number> {
    let after: string | null = BEFORE_ALL;
    let count = 0;
    do {
      const from: string = after;
      const batch = await this.database.system('tz data').tx(async (tx) => {
        const rules = await this.rules.claimOlder(tx, version, from, RULES_PER_BATCH);
        const days = await this.days.of(tx, rules);
        for (const rule of rules) await this.replanOne(tx, rule, days, version);
        return rules;
      });
      count += batch.length;
      after = batch.length === RULES_PER_BATCH ? (batch.at(-1)?.id ?? null) : null;
    } while (after !== null && goesOn());
    return count;
  }

  private async pass(): Promise<void> {
    const count = await this.replan(TZ_VERSION, () => this.flight.isOpen);
    if (count > 0) this.log.info({ rules: count, tz: TZ_VERSION }, 'schedules are planned by new tz data');
  }

  private async replanOne(tx: Tx, rule: ScheduleRuleEntity, days: KnownDays, version: string): Promise<void> {
    const parsed = parseRule(rule, days);
    // One that cannot be read any more is told by the tick that it is due for.
    const next = parsed.ok ? dateOf(nextAfter(parsed.rule, rule.plannedTo.getTime())) : rule.nextRunAt;
    await this.rules.advance(tx, rule.id, { nextRunAt: next, tzVersion: version });
  }
}
