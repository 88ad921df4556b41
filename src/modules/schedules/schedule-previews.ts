import { Injectable } from '@nestjs/common';
import type { UserActor } from '../../kernel/auth/index.js';
import { Database } from '../../kernel/database/index.js';
import { UserPreferences } from '../users/index.js';
import { CalendarDays } from './calendars/calendar-days.js';
import { CalendarsService } from './calendars/calendars.service.js';
import { DEFAULT_DST } from './core/index.js';
import { anchorOf, previewOf, requireTiming, runsLeft } from './rule-timing.js';
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
      const startsAt = timing.startsAt ?? null;
      const { dates = [], weekdays = [], calendarIds = [] } = timing.exclusions ?? {};
      await this.calendars.require(tx, actor.userId, calendarIds, '/exclusions/calendarIds');
      const draft = {
        id: 'preview',
        ruleType: timing.ruleType,
        cronExpression: timing.cronExpression ?? null,
        intervalSeconds: timing.intervalSeconds ?? null,
        runAt: timing.runAt ?? null,
        timezone: timing.timezone ?? (await this.preferences.of(tx, actor.userId)).timezone,
        dstPolicy: { ...DEFAULT_DST, ...timing.dstPolicy },
        jitterSeconds: timing.jitterSeconds ?? 0,
        startsAt,
        endsAt: timing.endsAt ?? null,
        exclusions: { dates, weekdays },
        calendarIds,
        anchorAt: anchorOf(startsAt, now),
      };
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
