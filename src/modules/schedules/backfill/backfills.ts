import { Injectable } from '@nestjs/common';
import type { UserActor } from '../../../kernel/auth/index.js';
import { Database, type Tx } from '../../../kernel/database/index.js';
import { Idempotency, UserError, type OnceRequest } from '../../../kernel/http/index.js';
import { AuditService } from '../../audit/index.js';
import { JobsService } from '../../jobs/index.js';
import { CalendarDays } from '../calendars/calendar-days.js';
import { nextAfter, upcoming, type TimingRule, type UpcomingInstant } from '../core/index.js';
import { RuleOwners } from '../rule-owners.js';
import { requireTiming } from '../rule-timing.js';
import type { ScheduleRuleEntity } from '../schedule-rule.entity.js';
import type { SlotOutcome } from '../schedule-slot.entity.js';
import { ScheduleSlotsRepository } from '../schedule-slots.repository.js';
import { SchedulesRepository } from '../schedules.repository.js';
import { SchedulesService, ownerInactive } from '../schedules.service.js';
import { MAX_BACKFILL, type BackfillBody, type BackfillView } from './backfill.schema.js';

type Item = BackfillView['items'][number];

/**
 * Makes up for instants of the past that have made no job: because the rule was paused or did not exist yet, or the
 * ledger says that they were missed, skipped or failed. Which instants those are is what the rule plans now. Each runs
 * once: the ledger's key decides, however many ask for it at once, and one that has fired is left alone.
 *
 * The slots wait in the ledger and fire with the next ticks, in order; one after another where the rule's jobs may not
 * overlap. Also while the rule is paused, and beside `maxRuns`; a pause ends what still waits.
 */
@Injectable()
export class Backfills {
  constructor(
    private readonly database: Database,
    private readonly schedules: SchedulesService,
    private readonly rules: SchedulesRepository,
    private readonly slots: ScheduleSlotsRepository,
    private readonly owners: RuleOwners,
    private readonly days: CalendarDays,
    private readonly jobs: JobsService,
    private readonly audit: AuditService,
    private readonly idempotency: Idempotency,
  ) {}

  /** 400 for a range that is none, lies ahead or holds too many instants; what a job of the rule is refused with. */
  async run(
    actor: UserActor,
    id: string,
    body: BackfillBody,
    once: OnceRequest | null,
  ): Promise<BackfillView> {
    return this.database.as(actor).tx((tx) =>
      this.idempotency.once(tx, actor.userId, once, async () => {
        const rule = await this.schedules.visibleForUpdate(tx, actor, id);
        const now = await this.rules.now(tx);
        requireRange(body, now);
        await this.requireJob(tx, rule);
        const planned = plannedIn(requireTiming(rule, await this.days.of(tx, [rule])), body);
        const known = await this.slots.outcomesBetween(tx, id, body.from, body.to);
        const items = planned.map((instant) => itemOf(instant, known.get(instant.at) ?? null));
        const toRun = items.filter(({ action }) => action === 'run').map(({ at }) => new Date(at));
        if (!body.dryRun && toRun.length > 0) {
          await this.slots.fillUp(tx, id, toRun);
          await this.rules.advance(tx, id, { lookAt: new Date(now) });
          await this.audit.record(tx, {
            actor,
            action: 'schedule.backfill',
            resource: { type: 'schedule', id },
            details: { from: body.from.toISOString(), to: body.to.toISOString(), slots: toRun.length },
          });
        }
        return { dryRun: body.dryRun, ...counted(items), items };
      }),
    );
  }

  /** Told now, and not a thousand times in the ledger. */
  private async requireJob(tx: Tx, rule: ScheduleRuleEntity): Promise<void> {
    const owner = await this.owners.actorFor(tx, rule);
    if (owner === null) throw ownerInactive();
    const { type, payload } = rule.jobTemplate;
    await this.jobs.check(tx, owner, { type, payload }, '/jobTemplate');
  }
}

function requireRange({ from, to }: BackfillBody, now: number): void {
  if (to.getTime() > now) throw UserError.field('/to', 'in_the_future', 'must not be in the future');
  if (to < from) throw UserError.field('/to', 'end_before_start', 'must not be before from');
}

function plannedIn(timing: TimingRule, { from, to }: BackfillBody): UpcomingInstant[] {
  const planned = upcoming(timing, from.getTime() - 1, MAX_BACKFILL);
  const last = planned.at(-1);
  const next = last && planned.length === MAX_BACKFILL ? nextAfter(timing, last.at) : null;
  if (last && next !== null && next <= to.getTime())
    throw UserError.field(
      '/to',
      'too_many_slots',
      `leaves more than ${MAX_BACKFILL} instants; the first ${MAX_BACKFILL} end at ${new Date(last.at).toISOString()}`,
    );
  return planned.filter(({ at }) => at <= to.getTime());
}

function itemOf({ at, local, note }: UpcomingInstant, outcome: SlotOutcome | null): Item {
  const isKnown = outcome === 'fired' || outcome === 'waiting';
  const action = isKnown ? 'known' : note === 'excluded' ? 'excluded' : 'run';
  return { at: new Date(at).toISOString(), local, action, outcome };
}

const counted = (items: readonly Item[]): Pick<BackfillView, Item['action']> => {
  const count = { run: 0, known: 0, excluded: 0 };
  for (const { action } of items) count[action] += 1;
  return count;
};
