import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Settings } from '../config/index.js';
import { Database, idAfter, older, type Age, type Month } from '../database/index.js';
import {
  emptyReport,
  Months,
  RetentionTasks,
  type RetentionContext,
  type RetentionReport,
} from '../retention/index.js';
import { EventDelivery } from './event-delivery.js';
import { EventRetentionRepository } from './event-retention.repository.js';

const BATCH = 5_000;

/**
 * Old events go, but none that a durable consumer of this build has not handled, however far behind it is. A stream
 * that wants to resume from before is told `gap`.
 */
@Injectable()
export class EventRetention implements OnModuleInit {
  constructor(
    private readonly settings: Settings,
    private readonly database: Database,
    private readonly delivery: EventDelivery,
    private readonly events: EventRetentionRepository,
    private readonly months: Months,
    private readonly tasks: RetentionTasks,
  ) {}

  onModuleInit(): void {
    this.tasks.register({ name: 'events', run: (context) => this.run(context) });
  }

  private async run({ dryRun, signal }: RetentionContext): Promise<RetentionReport> {
    const report = emptyReport();
    if (this.settings.eventDays === 0) return report;
    const before = await this.months.daysAgo(this.settings.eventDays);
    for (const month of await this.months.list('events')) {
      signal.throwIfAborted();
      const rows = dryRun ? null : await this.wholeMonth(month, before);
      if (rows === null)
        for (const range of older(month, before))
          report.removed += dryRun
            ? await this.events.countOld(this.read, range, before.at, this.consumers)
            : await this.removeRows(range, before.at, signal);
      else {
        const outcome = await this.months.drop('events', month, signal);
        if (outcome === 'held') report.postponed.push(`events of ${month.name}: the table is in use`);
        if (outcome !== 'dropped') continue;
        report.removed += rows;
        report.dropped.push(`events ${month.name}`);
      }
    }
    return report;
  }

  /** How many rows go when the month is dropped; null when it has to stay. */
  private async wholeMonth({ until, ranges }: Month, before: Age): Promise<number | null> {
    const [range] = ranges;
    if (until === null || until > before.at || !range) return null;
    return this.events.countHandled(this.read, range, this.consumers);
  }

  private async removeRows(
    [from, below]: readonly [string, string],
    before: Date,
    signal: AbortSignal,
  ): Promise<number> {
    let removed = 0;
    let next: string | null = from;
    while (next !== null) {
      signal.throwIfAborted();
      const range: readonly [string, string] = [next, below];
      const step: { removed: number; last: string | null } = await this.database
        .system('retention')
        .tx((tx) => this.events.removeOld(tx, range, before, this.consumers, BATCH));
      removed += step.removed;
      next = step.last === null ? null : idAfter(step.last);
    }
    return removed;
  }

  private get read() {
    return this.database.system('retention').read;
  }

  private get consumers(): readonly string[] {
    return this.delivery.consumerNames();
  }
}
