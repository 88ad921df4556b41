import { Injectable } from '@nestjs/common';
import type { Actor } from '../../kernel/auth/index.js';
import type { Tx } from '../../kernel/database/index.js';
import { JobsService } from '../jobs/index.js';
import { decideOverlap, type Candidate, type WaitsFor } from './core/index.js';
import { runsLeft } from './rule-timing.js';
import type { ScheduleRuleEntity } from './schedule-rule.entity.js';
import type { SlotCause } from './schedule-slot.entity.js';
import { ScheduleSlotsRepository, type SlotEnd } from './schedule-slots.repository.js';

/** As many waiting slots of one rule as one transaction looks at. */
export const SLOTS_PER_LOOK = 200;

/**
 * For a slot that waits for its rule's job: how long at most until it is looked at when nothing has rung. A rule that
 * cancels asks again sooner: a job that somebody was just moving has not been asked to stop yet.
 */
export const pauseBetweenLooks = ({ overlapPolicy }: Pick<ScheduleRuleEntity, 'overlapPolicy'>): number =>
  overlapPolicy === 'cancel_previous' ? 2 : 10;

/** A slot in the ledger whose time has come. */
export interface DueSlot {
  readonly id: string;
  readonly cause: SlotCause;
  readonly waitsFor: WaitsFor;
}

export interface Fired {
  /** Jobs made. */
  readonly jobs: number;
  /** Of these, how many count towards `maxRuns`. */
  readonly runs: number;
  readonly ends: readonly SlotEnd[];
}

/** Jobs of the plan count towards `maxRuns`, what people ask for beside it does not. */
const counts = (cause: SlotCause): boolean => cause === 'schedule' || cause === 'catch_up';

/**
 * From slots whose time has come to jobs, by the rule's overlap policy. The caller holds the rule, so nobody else
 * decides for it meanwhile, and what has been decided commits with the jobs.
 *
 * A job that is open is found under the lock of the rule. One that ends just then rings for the rule, which waits for
 * the same lock, so a slot that waits is looked at again as soon as it can fire.
 */
@Injectable()
export class SlotFiring {
  constructor(
    private readonly slots: ScheduleSlotsRepository,
    private readonly jobs: JobsService,
  ) {}

  async fire(tx: Tx, rule: ScheduleRuleEntity, owner: Actor, due: readonly DueSlot[]): Promise<Fired> {
    if (due.length === 0) return { jobs: 0, runs: 0, ends: [] };
    const candidates = due.map((slot) => ({ ...slot, counts: counts(slot.cause) }));
    const busy = await this.isBusy(tx, rule, owner, candidates);
    const { fire, park, skip } = decideOverlap(rule.overlapPolicy, busy, candidates, runsLeft(rule));
    const ends: SlotEnd[] = skip.map(({ id, reason }) => ({
      id,
      outcome: 'skipped_overlap',
      reason,
      jobId: null,
    }));
    // Whoever waits alone is told last: of one rule, one slot at most waits at any moment.
    if (park !== null) ends.push({ id: park, outcome: 'waiting', reason: 'previous_job', jobId: null });
    for (const id of fire) {
      const jobId = await this.makeJob(tx, rule, owner);
      ends.push({ id, outcome: 'fired', reason: null, jobId });
    }
    await this.settle(tx, ends);
    const fired = new Set(fire);
    return {
      jobs: fire.length,
      runs: candidates.filter((slot) => slot.counts && fired.has(slot.id)).length,
      ends,
    };
  }

  /** The place of the one that waits is given up before another takes it: the ledger lets one at a time have it. */
  private async settle(tx: Tx, ends: readonly SlotEnd[]): Promise<void> {
    await this.slots.settle(
      tx,
      ends.filter(({ outcome }) => outcome !== 'waiting'),
    );
    await this.slots.settle(
      tx,
      ends.filter(({ outcome }) => outcome === 'waiting'),
    );
  }

  private async isBusy(
    tx: Tx,
    rule: ScheduleRuleEntity,
    owner: Actor,
    candidates: readonly Candidate[],
  ): Promise<boolean> {
    if (rule.overlapPolicy === 'allow' || !(await this.jobs.hasOpenJob(tx, rule.id))) return false;
    // A backfill waits for its turn, and one that has no run left never fires: neither cancels anything.
    const wants = candidates.some(
      ({ waitsFor, counts: isRun }) => waitsFor !== 'backfill' && (!isRun || runsLeft(rule) > 0),
    );
    const cancels = rule.overlapPolicy === 'cancel_previous' && wants;
    return cancels ? this.jobs.stopOpenOf(tx, owner, rule.id, 'cancel_previous') : true;
  }

  private async makeJob(tx: Tx, rule: ScheduleRuleEntity, owner: Actor): Promise<string> {
    const { jobTemplate } = rule;
    return this.jobs.createIn(tx, owner, {
      ...jobTemplate,
      payload: jobTemplate.payload,
      scheduleId: rule.id,
    });
  }
}
