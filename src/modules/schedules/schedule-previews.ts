import { Injectable } from '@nestjs/common';
import type { UserActor } from '../../kernel/auth/index.js';
import { Database } from '../../kernel/database/index.js';
import { UserPreferences } from '../users/index.js';
import { CalendarDays } from './calendars/calendar-days.js';
import { CalendarsService } from './calendars/calendars.service.js';
import { timingOf } from './rule-drafts.js';
import { previewOf, requireTiming, runsLeft } from './rule-timing.js';
import { SchedulesRepository } from './schedules.repository.js';
import type { PreviewBody, PreviewQuery, PreviewView } from './schedules.schema.js';
import { SchedulesService } from './schedules.service.js';

/** When a rule would run, from the planner that also fires it. */
@Injectable()
export class SchedulePreviews {
  constructor(
    private readonly database: Database,
    private readonly schedules: SchedulesService,
    private readonly rules: SchedulesRepository,
    private readonly calendars: CalendarsService,
    private readonly days: CalendarDays,
    private readonly preferences: UserPreferences,
  ) {}

  /**
   * A timing that is not saved, anchored as if it were saved now. Jitter differs from one schedule to the next, so
   * it is left out: the saved one has its own.
   */
  async ofTiming(actor: UserActor, { from, count, ...timing }: PreviewBody): Promise<PreviewView> {
    return this.database.as(actor).tx(async (tx) => {
      const now = await this.rules.now(tx);
      const timezone = timing.timezone ?? (await this.preferences.of(tx, actor.userId)).timezone;
      const draft = timingOf({ ...timing, timezone }, 'preview', now);
      const calendarIds = timing.exclusions?.calendarIds ?? [];
      await this.calendars.require(tx, actor.userId, calendarIds, '/exclusions/calendarIds');
      const rule = requireTiming(draft, await this.days.of(tx, [draft]));
      return { items: previewOf({ ...rule, jitterSeconds: 0 }, from?.getTime() ?? now, count) };
    });
  }

  /** Exactly what will be planned, at most as many as `maxRuns` leaves; a pause is not looked at. */
  async ofRule(actor: UserActor, id: string, { from, count }: PreviewQuery): Promise<PreviewView> {
    const { read } = this.database.as(actor);
    const rule = await this.schedules.visible(read, actor, id);
    const now = await this.rules.now(read);
    const timing = requireTiming(rule, await this.days.of(read, [rule]));
    return { items: previewOf(timing, from?.getTime() ?? now, count, runsLeft(rule)) };
  }
}
