import { userIdOf, type Actor } from '../../../kernel/auth/index.js';
import { UserError } from '../../../kernel/http/index.js';
import type { JobStatus } from '../engine/job-status.js';
import type { JobFilter } from '../jobs-list.repository.js';
import { jobsPolicy } from '../jobs.policy.js';
import { STATUSES_FOR, type ActionFilter, type JobActionPayload } from './job-action.schema.js';

/** The type of the job that does an action on many others. */
export const BULK_JOB_ACTION = 'bulk-job-action';

/** Which jobs an action is for. */
export interface ActionTarget {
  readonly filter: JobFilter;
  /** In the order in which jobs move through them, so that one that moves on meanwhile is met later. */
  readonly statuses: readonly JobStatus[];
  /** What was made, or has ended, afterwards is not meant. */
  readonly askedAt: Date;
}

export function targetOf(actor: Actor, { action, filter }: JobActionPayload, askedAt: Date): ActionTarget {
  const { userId, all, status, ...conditions } = filter;
  return {
    filter: { ...conditions, userId: all === true ? undefined : (userId ?? userIdOf(actor) ?? undefined) },
    statuses: status === undefined ? STATUSES_FOR[action] : [status],
    askedAt,
  };
}

/** 403 unless the actor may have this done to jobs of others. */
export function authorizeTarget(actor: Actor, { userId, all }: ActionFilter): void {
  if ((userId !== undefined || all === true) && !jobsPolicy.listOthers(actor))
    throw UserError.forbidden('Only admins may cancel or retry the jobs of others.');
}
