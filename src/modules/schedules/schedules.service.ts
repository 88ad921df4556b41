import { Injectable } from '@nestjs/common';
import type { UserActor } from '../../kernel/auth/index.js';
import { Database, toPage, type Page, type Read, type Tx } from '../../kernel/database/index.js';
import {
  Idempotency,
  UserError,
  requireVersion,
  type OnceRequest,
  type Versioned,
} from '../../kernel/http/index.js';
import { AuditService } from '../audit/index.js';
import { JobsService } from '../jobs/index.js';
import { UserPreferences } from '../users/index.js';
import { CalendarDays } from './calendars/calendar-days.js';
import { CalendarsService } from './calendars/calendars.service.js';
import { changedRule, ruleChanges } from './rule-changes.js';
import { newRule } from './rule-drafts.js';
import { RuleOwners } from './rule-owners.js';
import { firstRunAt, plannedTo, requireTiming } from './rule-timing.js';
import type { JobTemplate, ScheduleRuleEntity } from './schedule-rule.entity.js';
import { ScheduleSlotsRepository } from './schedule-slots.repository.js';
import { toScheduleView, toSlotView } from './schedule.view.js';
import { schedulesPolicy } from './schedules.policy.js';
import { SchedulesRepository, type RuleChanges } from './schedules.repository.js';
import type {
  CreateScheduleBody,
  ListSchedulesQuery,
  PauseBody,
  ScheduleView,
  SlotView,
  SlotsQuery,
  UpdateScheduleBody,
} from './schedules.schema.js';
import { refuseForeignChanges, refuseRemoval } from './system/system-rules.js';

type Schedule = Versioned<ScheduleView>;

/**
 * Schedules as people keep them. Only the owner and admins know that one exists (404 for others). Times are the
 * database's. A template is checked with the owner's rights, whoever saves it. Every change is audited in its own
 * transaction, and counts up the version that If-Match asks for.
 */
@Injectable()
export class SchedulesService {
  constructor(
    private readonly database: Database,
    private readonly rules: SchedulesRepository,
    private readonly slots: ScheduleSlotsRepository,
    private readonly owners: RuleOwners,
    private readonly calendars: CalendarsService,
    private readonly days: CalendarDays,
    private readonly preferences: UserPreferences,
    private readonly jobs: JobsService,
    private readonly audit: AuditService,
    private readonly idempotency: Idempotency,
  ) {}

  async create(actor: UserActor, input: CreateScheduleBody, once: OnceRequest | null): Promise<Schedule> {
    return this.database.as(actor).tx((tx) =>
      this.idempotency.once(tx, actor.userId, once, async () => {
        const now = await this.rules.now(tx);
        const timezone = input.timezone ?? (await this.preferences.of(tx, actor.userId)).timezone;
        const draft = newRule(actor, { ...input, timezone }, now);
        await this.calendars.require(tx, actor.userId, draft.calendarIds, CALENDARS);
        const timing = requireTiming(draft, await this.days.of(tx, [draft]), now);
        // Expression and zone in their normal form.
        const rule = { ...draft, cronExpression: timing.cronExpression, timezone: timing.timezone };
        await this.jobs.check(tx, actor, request(rule.jobTemplate), '/jobTemplate');
        const fresh = { ...rule, pausedUntil: null, runCount: 0 };
        await this.rules.insert(tx, { ...rule, nextRunAt: firstRunAt(fresh, timing, now) });
        await this.audit.record(tx, {
          actor,
          action: 'schedule.create',
          resource: { type: 'schedule', id: rule.id },
          details: { ruleType: rule.ruleType, jobType: rule.jobTemplate.type },
        });
        return this.present(tx, rule.id);
      }),
    );
  }

  async list(actor: UserActor, query: ListSchedulesQuery): Promise<Page<ScheduleView>> {
    const { userId, all, ...filter } = query;
    const others = userId !== undefined || all !== undefined || filter.system !== undefined;
    if (others && !schedulesPolicy.listOthers(actor))
      throw UserError.forbidden('Only admins may list the schedules of others.');
    const whose = all === 'true' || filter.system ? undefined : (userId ?? actor.userId);
    const { read } = this.database.as(actor);
    const rows = await this.rules.page(read, { ...filter, userId: whose });
    const days = await this.days.of(read, rows);
    return toPage(rows, query.limit, (rule) => toScheduleView(rule, days));
  }

  async get(actor: UserActor, id: string): Promise<Schedule> {
    const { read } = this.database.as(actor);
    return this.versioned(read, await this.visible(read, actor, id));
  }

  async slotsOf(actor: UserActor, id: string, query: SlotsQuery): Promise<Page<SlotView>> {
    await this.visible(this.database.as(actor).read, actor, id);
    return toPage(await this.slots.page(this.database.as(actor).read, id, query), query.limit, toSlotView);
  }

  /** The rule behind an id, for those who may know of it. */
  async visible(read: Read, actor: UserActor, id: string): Promise<ScheduleRuleEntity> {
    return permitted(actor, await this.rules.find(read, id));
  }

  /** The same, held until the transaction ends. */
  async visibleForUpdate(tx: Tx, actor: UserActor, id: string): Promise<ScheduleRuleEntity> {
    return permitted(actor, await this.rules.findForUpdate(tx, id));
  }

  /**
   * Changes what is given and leaves the rest; null clears. A changed timing counts from now: instants of the old
   * one that are due but not planned yet are dropped. `expected` null: whatever the version.
   */
  async update(
    actor: UserActor,
    id: string,
    expected: number | null,
    changes: UpdateScheduleBody,
  ): Promise<Schedule> {
    return this.database.as(actor).tx(async (tx) => {
      const before = await this.visibleForUpdate(tx, actor, id);
      requireVersion('schedule', expected, before.version);
      if (Object.keys(changes).length === 0) return this.versioned(tx, before);
      refuseForeignChanges(before, changes);
      if (changes.jobTemplate) await this.checkTemplate(tx, before, changes.jobTemplate);
      const { calendarIds } = changedRule(before, changes);
      if (changes.exclusions?.calendarIds && before.userId !== null)
        await this.calendars.require(tx, before.userId, changes.exclusions.calendarIds, CALENDARS);
      const now = await this.rules.now(tx);
      const columns = ruleChanges(before, changes, await this.days.of(tx, [{ calendarIds }]), now);
      if (before.isActive && changes.isActive === false) await this.slots.pauseWaiting(tx, id, 'paused');
      const details = { fields: Object.keys(changes).toSorted() };
      return this.save(tx, actor, before, columns, 'schedule.update', details);
    });
  }

  /** Jobs it has made stay as they are; its ledger goes with it. */
  async delete(actor: UserActor, id: string, expected: number | null): Promise<void> {
    await this.database.as(actor).tx(async (tx) => {
      const rule = await this.visibleForUpdate(tx, actor, id);
      requireVersion('schedule', expected, rule.version);
      refuseRemoval(rule);
      await this.rules.delete(tx, id);
      const details = { ruleType: rule.ruleType, jobType: rule.jobTemplate.type };
      const resource = { type: 'schedule', id };
      await this.audit.record(tx, { actor, action: 'schedule.delete', resource, details });
    });
  }

  /** Nothing is planned while it is paused. With `until`, it goes on with the first instant from then on. */
  async pause(actor: UserActor, id: string, { note, until }: PauseBody): Promise<Schedule> {
    return this.database.as(actor).tx(async (tx) => {
      const rule = await this.visibleForUpdate(tx, actor, id);
      const now = await this.rules.now(tx);
      if (until && until.getTime() <= now)
        throw UserError.field('/until', 'in_the_past', 'must be in the future');
      const pausedUntil = until ?? null;
      const { maxRuns, runCount } = rule;
      const paused = { isActive: false, pausedUntil, maxRuns, runCount };
      const columns = {
        isActive: false,
        pausedNote: note ?? null,
        pausedUntil,
        pausedBy: actor.userId,
        nextRunAt: until
          ? firstRunAt(paused, requireTiming(rule, await this.days.of(tx, [rule])), now)
          : null,
        plannedTo: plannedTo(paused, now),
      };
      await this.slots.pauseWaiting(tx, id, 'paused');
      return this.save(tx, actor, rule, columns, 'schedule.pause', { until: until?.toISOString() ?? null });
    });
  }

  /** Goes on with the next instant from now: what passed during the pause is not caught up on. */
  async resume(actor: UserActor, id: string): Promise<Schedule> {
    return this.database.as(actor).tx(async (tx) => {
      const rule = await this.visibleForUpdate(tx, actor, id);
      if (rule.isActive) return this.versioned(tx, rule);
      if ((await this.owners.actorFor(tx, rule)) === null) throw ownerInactive();
      const now = await this.rules.now(tx);
      const days = await this.days.of(tx, [rule]);
      const columns = ruleChanges(rule, { isActive: true }, days, now);
      return this.save(tx, actor, rule, columns, 'schedule.resume', {});
    });
  }

  private async save(
    tx: Tx,
    actor: UserActor,
    rule: ScheduleRuleEntity,
    columns: RuleChanges,
    action: string,
    details: Record<string, unknown>,
  ): Promise<Schedule> {
    // Whatever waits is looked at again by what the rule says now.
    const lookAt = rule.lookAt && new Date(await this.rules.now(tx));
    await this.rules.update(tx, rule.id, { ...columns, lookAt });
    await this.audit.record(tx, { actor, action, resource: { type: 'schedule', id: rule.id }, details });
    return this.present(tx, rule.id);
  }

  private async checkTemplate(tx: Tx, rule: ScheduleRuleEntity, template: JobTemplate): Promise<void> {
    const owner = await this.owners.actorFor(tx, rule);
    if (owner === null) throw ownerInactive();
    await this.jobs.check(tx, owner, request(template), '/jobTemplate');
  }

  private async present(read: Read, id: string): Promise<Schedule> {
    const rule = await this.rules.find(read, id);
    if (!rule) throw new Error(`schedule ${id} vanished inside its own transaction`);
    return this.versioned(read, rule);
  }

  private async versioned(read: Read, rule: ScheduleRuleEntity): Promise<Schedule> {
    return { version: rule.version, body: toScheduleView(rule, await this.days.of(read, [rule])) };
  }
}

export const ownerInactive = (): UserError =>
  UserError.conflict('owner_inactive', 'The owner of this schedule is deactivated or deleted.');

const CALENDARS = '/exclusions/calendarIds';

const request = ({ type, payload }: JobTemplate) => ({ type, payload });

function permitted(actor: UserActor, rule: ScheduleRuleEntity | null): ScheduleRuleEntity {
  if (!rule || !schedulesPolicy.access(actor, rule)) throw UserError.notFound('schedule');
  return rule;
}
