import { Injectable } from '@nestjs/common';
import type { UserActor } from '../../kernel/auth/index.js';
import { Database } from '../../kernel/database/index.js';
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
  ) {}

  /**
   * A timing that is not saved, anchored as if it were saved now. Jitter differs from one schedule to the next, so
   * it is left out: the saved one has its own.
   */
  async ofTiming({ from, count, ...timing }: PreviewBody): Promise<PreviewView> {
    const now = await this.rules.now(this.database.read);
    const startsAt = timing.startsAt ?? null;
    const rule = requireTiming({
      id: 'preview',
      ruleType: timing.ruleType,
      cronExpression: timing.cronExpression ?? null,
      intervalSeconds: timing.intervalSeconds ?? null,
      runAt: timing.runAt ?? null,
      timezone: timing.timezone ?? 'UTC',
      dstPolicy: { ...DEFAULT_DST, ...timing.dstPolicy },
      jitterSeconds: timing.jitterSeconds ?? 0,
      startsAt,
      endsAt: timing.endsAt ?? null,
      anchorAt: anchorOf(startsAt, now),
    });
    return { items: previewOf({ ...rule, jitterSeconds: 0 }, from?.getTime() ?? now, count) };
  }

  /** Exactly what will be planned, at most as many as `maxRuns` leaves; a pause is not looked at. */
  async ofRule(actor: UserActor, id: string, { from, count }: PreviewQuery): Promise<PreviewView> {
    const rule = await this.schedules.visible(this.database.as(actor).read, actor, id);
    const now = await this.rules.now(this.database.read);
    const timing = requireTiming(rule);
    return { items: previewOf(timing, from?.getTime() ?? now, Math.min(count, runsLeft(rule))) };
  }
}
