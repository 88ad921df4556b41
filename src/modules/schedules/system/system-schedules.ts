import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { isDeepStrictEqual } from 'node:util';
import type { Actor } from '../../../kernel/auth/index.js';
import { Settings, serves } from '../../../kernel/config/index.js';
import { Database, type Tx } from '../../../kernel/database/index.js';
import { AuditService } from '../../audit/index.js';
import { JobsService } from '../../jobs/index.js';
import { firstRunAt, requireTiming } from '../rule-timing.js';
import { SchedulesRepository, type NewRuleRow } from '../schedules.repository.js';
import { systemRule } from '../rule-drafts.js';

const ACTOR: Actor = { type: 'system', name: 'system schedules' };
const NO_CALENDARS = { of: () => [] };

/** Fields that follow a release as long as no person has changed the rule. */
const BROUGHT_ALONG = ['name', 'description', 'cronExpression', 'jitterSeconds', 'jobTemplate'] as const;

/**
 * Makes the rules of job types that run by themselves (`routine`), when a scheduler starts, each exactly once in the
 * life of an installation: the unique key of the rule decides between processes that start together.
 *
 * A rule that nobody has changed (its version counts edits by people) follows the release; one that an admin has
 * moved or paused stays as the admin has left it, except for what it does. Of a type that is gone the rule stays and
 * says so in its ledger.
 */
@Injectable()
export class SystemSchedules implements OnApplicationBootstrap {
  constructor(
    private readonly settings: Settings,
    private readonly database: Database,
    private readonly rules: SchedulesRepository,
    private readonly jobs: JobsService,
    private readonly audit: AuditService,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (serves(this.settings, 'scheduler')) await this.ensure();
  }

  /** Rejects for a routine whose expression cannot be planned: the build is wrong, and the process does not start. */
  async ensure(): Promise<void> {
    for (const job of this.jobs.routines())
      await this.database.system('system schedules').tx(async (tx) => {
        const now = await this.rules.now(tx);
        const rule = systemRule(job, now);
        const timing = requireTiming(rule, NO_CALENDARS, now);
        const nextRunAt = firstRunAt({ ...rule, pausedUntil: null, runCount: 0 }, timing, now);
        if (await this.rules.insertSystem(tx, { ...rule, nextRunAt }))
          await this.record(tx, rule.id, 'schedule.create', { jobType: job.type });
        else await this.follow(tx, { ...rule, nextRunAt });
      });
  }

  private async follow(tx: Tx, release: NewRuleRow & { readonly systemKey: string | null }): Promise<void> {
    const rule = await this.rules.findSystem(tx, release.systemKey ?? '');
    if (!rule) return;
    const fields = rule.version === 1 ? BROUGHT_ALONG : (['name', 'description', 'jobTemplate'] as const);
    const changed = fields.filter((field) => !isDeepStrictEqual(rule[field], release[field]));
    if (changed.length === 0) return;
    const moved = changed.some((field) => field === 'cronExpression' || field === 'jitterSeconds');
    await this.rules.follow(tx, rule.id, {
      ...Object.fromEntries(changed.map((field) => [field, release[field]])),
      ...(moved && { nextRunAt: release.nextRunAt, plannedTo: release.plannedTo }),
    });
    await this.record(tx, rule.id, 'schedule.update', { fields: changed });
  }

  private async record(tx: Tx, id: string, action: string, details: Record<string, unknown>): Promise<void> {
    await this.audit.record(tx, { actor: ACTOR, action, resource: { type: 'schedule', id }, details });
  }
}
