import { Injectable } from '@nestjs/common';
import { isUnreachable, newId, type Tx } from '../../kernel/database/index.js';
import { AppError } from '../../kernel/http/index.js';
import { JobsService } from '../jobs/index.js';
import type { KnownDays } from './calendars/calendar-days.js';
import { decideOverlap } from './core/index.js';
import { cursorAfter, isDue, lastOf, plan, toWrite, type Planned } from './planned-rule.js';
import { RuleOwners, type RuleActor } from './rule-owners.js';
import { runsLeft } from './rule-timing.js';
import type { ScheduleRuleEntity } from './schedule-rule.entity.js';
import { ScheduleSlotsRepository, type DecidedSlot, type NewSlot } from './schedule-slots.repository.js';
import { SchedulesRepository, type FiredRule } from './schedules.repository.js';
import { ScheduleMetrics } from './watch/schedule-metrics.js';

/** What one statement writes at most; rules beyond it are left to the next batch. */
const SLOTS_PER_BATCH = 5_000;
/** So few that nothing is won by trying them together again after a failure. */
const FEW = 4;

/** A rule whose slots can go straight into the ledger with what became of them. */
interface Plain {
  readonly rule: ScheduleRuleEntity;
  readonly planned: Planned;
  readonly slots: readonly (NewSlot & { readonly id: string })[];
}

type Request = Awaited<ReturnType<JobsService['check']>>;
interface Allowed extends Plain {
  readonly owner: RuleActor;
  readonly request: Request;
}

interface Decided extends Allowed {
  /** Ids of the slots that make a job. */
  readonly fire: ReadonlySet<string>;
  readonly skipped: ReadonlyMap<string, string | null>;
}

/**
 * Rules that need nothing of their own, in a few statements for all of them: the slots, the jobs and the cursors of
 * hundreds of rules cost little more than those of one. Whatever is out of the ordinary (slots that wait, a job that is
 * to be cancelled, an owner who is gone, a job that is refused) is left to the materialiser, which looks at one rule at
 * a time.
 *
 * When a statement fails nobody knows whose fault it is. All of it is undone, and each half is tried by itself, until
 * the rules at fault are among a few that are left to the materialiser, too: one bad rule never stops the others.
 */
@Injectable()
export class SlotsTogether {
  constructor(
    private readonly rules: SchedulesRepository,
    private readonly slots: ScheduleSlotsRepository,
    private readonly owners: RuleOwners,
    private readonly jobs: JobsService,
    private readonly metrics: ScheduleMetrics,
  ) {}

  /** Of rules that this transaction holds. Answers those that are done, by id, with whether they are due again already. */
  async materialise(
    tx: Tx,
    rules: readonly ScheduleRuleEntity[],
    days: KnownDays,
    now: number,
  ): Promise<ReadonlyMap<string, boolean>> {
    const done = new Map<string, boolean>();
    await this.attempt(tx, plainOf(rules, days, now), now, done);
    return done;
  }

  private async attempt(
    tx: Tx,
    rules: readonly Plain[],
    now: number,
    done: Map<string, boolean>,
  ): Promise<void> {
    if (rules.length === 0) return;
    await this.rules.savepoint(tx);
    let written: readonly FiredRule[];
    try {
      written = await this.write(tx, rules, now);
      await this.rules.releaseSavepoint(tx);
    } catch (error) {
      if (isUnreachable(error)) throw error;
      await this.rules.rollbackToSavepoint(tx);
      if (rules.length <= FEW) return;
      const middle = rules.length >> 1;
      await this.attempt(tx, rules.slice(0, middle), now, done);
      await this.attempt(tx, rules.slice(middle), now, done);
      return;
    }
    for (const { id, nextRunAt } of written) done.set(id, isDue(nextRunAt, now));
  }

  private async write(tx: Tx, rules: readonly Plain[], now: number): Promise<FiredRule[]> {
    const decided = await this.decide(tx, await this.allow(tx, rules));
    const ids = await this.jobs.createChecked(
      tx,
      decided.flatMap(({ rule, owner, request, fire }) => {
        const asked = {
          actor: owner,
          request: { ...rule.jobTemplate, payload: request.payload, scheduleId: rule.id },
        };
        return Array.from(fire, () => ({ ...asked, ...request }));
      }),
    );
    const jobOf = new Map(decided.flatMap(({ fire }) => [...fire]).map((slot, index) => [slot, ids[index]!]));
    const slots = decided.flatMap((one) => slotsOf(one, jobOf));
    await this.slots.insertDecided(tx, slots);
    const fired = decided.map((one): FiredRule => {
      const { rule, planned, fire } = one;
      const nextRunAt = cursorAfter(rule, planned, fire.size);
      const last = lastOf(planned);
      return {
        id: rule.id,
        nextRunAt,
        runs: fire.size,
        plannedTo: last === undefined ? null : new Date(last),
      };
    });
    await this.rules.advanceFired(tx, fired, new Date(now));
    this.metrics.count(tx, slots, now);
    return fired;
  }

  /** Those whose owners may do now what is asked for in their name. */
  private async allow(tx: Tx, rules: readonly Plain[]): Promise<Allowed[]> {
    const owners = await this.owners.actorsFor(
      tx,
      rules.map(({ rule }) => rule),
    );
    const allowed: Allowed[] = [];
    for (const plain of rules) {
      const owner = owners.get(plain.rule.id);
      if (!owner) continue;
      try {
        const { type, payload } = plain.rule.jobTemplate;
        const request = await this.jobs.check(tx, owner, { type, payload });
        allowed.push({ ...plain, owner, request });
      } catch (error) {
        // Refused by a statement that failed: the transaction is broken, and so are the others.
        if (!(error instanceof AppError)) throw error;
      }
    }
    return allowed;
  }

  /** Those of which no slot has to wait and no job has to go. */
  private async decide(tx: Tx, rules: readonly Allowed[]): Promise<Decided[]> {
    const careful = rules.flatMap(({ rule }) => (rule.overlapPolicy === 'allow' ? [] : rule.id));
    const busy = await this.jobs.openAmong(tx, careful);
    return rules.flatMap((one) => {
      const { rule, slots } = one;
      const isBusy = busy.has(rule.id);
      const candidates = slots
        .filter(({ outcome }) => outcome === 'fired')
        .map(({ id }) => ({ id, waitsFor: null, counts: true }));
      if (isBusy && rule.overlapPolicy === 'cancel_previous' && candidates.length > 0) return [];
      const { fire, park, skip } = decideOverlap(rule.overlapPolicy, isBusy, candidates, runsLeft(rule));
      if (park !== null) return [];
      return [{ ...one, fire: new Set(fire), skipped: new Map(skip.map(({ id, reason }) => [id, reason])) }];
    });
  }
}

/** Those that are due, can be planned, and have nothing that waits. */
function plainOf(rules: readonly ScheduleRuleEntity[], days: KnownDays, now: number): Plain[] {
  const plain: Plain[] = [];
  let room = SLOTS_PER_BATCH;
  for (const rule of rules) {
    if (rule.lookAt !== null || room <= 0) continue;
    let planned: Planned | null;
    try {
      planned = plan(rule, days, now);
    } catch {
      continue; // The materialiser says why.
    }
    if (planned === null) continue;
    const { slots } = toWrite(rule, planned.plan.slots, now);
    if (
      slots.some(
        ({ outcome, cause }) =>
          outcome === 'waiting' || (cause === 'catch_up' && rule.missedSpacingSeconds > 0),
      )
    )
      continue;
    room -= slots.length;
    plain.push({ rule, planned, slots: slots.map((slot) => ({ ...slot, id: newId() })) });
  }
  return plain;
}

function slotsOf({ rule, slots, fire, skipped }: Decided, jobOf: ReadonlyMap<string, string>): DecidedSlot[] {
  return slots.map((slot) => {
    const ruleId = rule.id;
    if (fire.has(slot.id)) return { ...slot, ruleId, jobId: jobOf.get(slot.id)! };
    const reason = skipped.get(slot.id);
    if (reason === undefined) return { ...slot, ruleId, jobId: null };
    return { ...slot, ruleId, outcome: 'skipped_overlap', reason, jobId: null };
  });
}
