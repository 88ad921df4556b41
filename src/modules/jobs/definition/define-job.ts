import { SetMetadata } from '@nestjs/common';
import type { z } from 'zod';
import type { Actor, UserRole } from '../../../kernel/auth/index.js';
import type { Read } from '../../../kernel/database/index.js';
import type { QueueName } from '../../../kernel/queue/index.js';
import type { Backoff } from '../engine/backoff.js';

/** What there is to know about a job type before any job of it exists. */
export interface JobDefinition<Payload = unknown> {
  /** `verb-noun` or a verb: what clients write as `type`. */
  readonly name: string;
  /** One sentence for `GET /api/job-types`. */
  readonly summary: string;
  readonly payload: z.ZodType<Payload>;
  readonly queue: QueueName;
  /** `system`: only Steward itself makes such jobs; they have no owner, and clients are not offered the type. */
  readonly requiredRole: UserRole | 'system';
  /** Steward itself makes such jobs, too; those have no owner. */
  readonly ownerless: boolean;
  /** Further attempts after a failure that may pass; a client may ask for another number. */
  readonly maxRetries: number;
  readonly backoff: Backoff;
  /** An attempt that runs longer is aborted and counts as failed. */
  readonly timeoutSeconds: number;
  /** Jobs one queue message may carry: 1 for anything long, up to 100 for small quick work. */
  readonly hintSize: number;
  /** Attempts of this type at the same time in one process; null: as many as the queue's workers take. */
  readonly concurrency: number | null;
  readonly limits: JobLimits<Payload>;
  /** At most one job with the same key at a time: a second request answers the first one's job. */
  readonly unique: UniqueJobs<Payload> | null;
  /** What follows when a worker dies or is shut down in the middle: `fail` for work that may not be done twice. */
  readonly onCrash: 'again' | 'fail';
  /** For people: what an attempt that comes after another one repeats. */
  readonly repeats: string;
  readonly sizes: JobSizes;
  /** Of which ends its owner is notified: `failures` for small work that is done by the hundred. */
  readonly notifies: 'ends' | 'failures';
  /** Steward runs it by itself: admins see the schedule, may move and pause it. Its payload must take `{}`. */
  readonly routine: Routine | null;
}

/** A schedule that belongs to the installation. */
export interface Routine {
  /** What the schedule is called. */
  readonly name: string;
  /** In UTC, until an admin changes it. */
  readonly cronExpression: string;
  readonly jitterSeconds?: number;
}

/** Whose job it is and what it is about, for the keys of limits and uniqueness. */
export type JobKey<Payload> = (payload: Payload, job: { readonly userId: string | null }) => string;

/** Hold across all processes. */
export interface JobLimits<Payload = unknown> {
  /** Jobs of this type in flight at the same time. */
  readonly global?: number;
  /** The same for jobs of one key, for example of one user or one remote. */
  readonly perKey?: { readonly jobs: number; readonly key: JobKey<Payload>; readonly by?: string };
  /** Jobs handed to workers within any such time; with a key, for each key. `by` says for people what the key is. */
  readonly rate?: {
    readonly jobs: number;
    readonly perSeconds: number;
    readonly key?: JobKey<Payload>;
    readonly by?: string;
  };
}

export interface UniqueJobs<Payload = unknown> {
  /**
   * How long a job keeps others of its key away: until it starts (while it waits, also for another attempt), or until
   * it has ended.
   */
  readonly until: 'started' | 'finished';
  /** Within one owner: jobs of different users never share a key. */
  readonly key: JobKey<Payload>;
  readonly by?: string;
}

/** Largest sizes. What is larger is refused (payload, 413) or cut with a mark that says so (the others). */
export interface JobSizes {
  /** Bytes of JSON. */
  readonly payload: number;
  /** Characters of JSON. */
  readonly result: number;
  /** Lines one attempt may log. */
  readonly logLines: number;
}

export const DEFAULT_SIZES: JobSizes = { payload: 262_144, result: 65_536, logLines: 1_000 };

type Optional =
  | 'queue'
  | 'requiredRole'
  | 'ownerless'
  | 'maxRetries'
  | 'backoff'
  | 'timeoutSeconds'
  | 'hintSize'
  | 'concurrency'
  | 'limits'
  | 'unique'
  | 'onCrash'
  | 'repeats'
  | 'notifies'
  | 'routine';

/** Declares a job type; what is left out takes the value written here. */
export function defineJob<Payload>(
  definition: Omit<JobDefinition<Payload>, Optional | 'sizes'> &
    Partial<Pick<JobDefinition<Payload>, Optional>> & { readonly sizes?: Partial<JobSizes> },
): JobDefinition<Payload> {
  return {
    queue: 'default',
    requiredRole: 'user',
    ownerless: false,
    maxRetries: 3,
    backoff: { kind: 'exponential', seconds: 5, maxSeconds: 3600 },
    timeoutSeconds: 3600,
    hintSize: 1,
    concurrency: null,
    limits: {},
    unique: null,
    onCrash: 'again',
    repeats: 'Everything: an attempt begins from the start.',
    notifies: 'ends',
    routine: null,
    ...definition,
    sizes: { ...DEFAULT_SIZES, ...definition.sizes },
  };
}

/** Names one attempt of a job. */
export interface JobFence {
  readonly jobId: string;
  readonly leaseEpoch: number;
}

/** What an attempt is given besides its payload. */
export interface JobContext {
  readonly jobId: string;
  /** The job's owner with the rights of now; the system where there is no owner. */
  readonly actor: Actor;
  /** 0 at the first attempt, plus one for every attempt that failed or crashed since. */
  readonly retryCount: number;
  /** Aborted on cancel, timeout, shutdown and a lost lease. A handler that ignores it is waited for in vain. */
  readonly signal: AbortSignal;
  /**
   * Names this attempt. A handler's own writes should carry it, so that an attempt that was declared dead and
   * wakes up late cannot overwrite its successor (rule 7): `JobsService.assertHeld` first in the transaction.
   */
  readonly fence: JobFence;
  /** 0…100, never decreasing within an attempt; 100 is shown only after success. */
  progress(percent: number, detail?: object): void;
  log(level: JobLogLevel, message: string, details?: object): void;
}

export const JOB_LOG_LEVELS = ['debug', 'info', 'warning', 'error', 'fatal'] as const;
export type JobLogLevel = (typeof JOB_LOG_LEVELS)[number];

/**
 * Thrown by a handler that has begun nothing because something it needs is not there: the job waits `seconds` and
 * runs again, however often, without spending an attempt (snooze). `reason` is shown as the job's error meanwhile.
 */
export class PostponeError extends Error {
  constructor(
    readonly seconds: number,
    reason: string,
  ) {
    super(reason);
    this.name = 'PostponeError';
  }
}

/**
 * Does the work of one job type. Runs at least once per job: a crash may repeat it, so an attempt must be safe
 * to repeat. What `run` resolves to is stored as the job's result.
 *
 * Throw `UserError` when no repetition can help (the job fails at once), `PostponeError` when the work cannot be
 * begun now, anything else to be tried again.
 */
export abstract class JobHandler<Payload = unknown> {
  /**
   * Whether the actor may have this done: asked when the job is created and again when it starts, with the
   * owner's rights of that moment. Reads through `read`, which may be an open transaction. Throws `UserError` (403, or 404 for what the actor may not know exists).
   */
  async authorize(_read: Read, _actor: Actor, _payload: Payload): Promise<void> {}

  abstract run(context: JobContext, payload: Payload): Promise<object | null>;
}

export const HANDLES_JOB = 'steward:handles-job';

/**
 * Binds a handler class to its definition; discovery finds it, so the class only needs a line in a module. A
 * handler of another payload does not compile.
 */
export function HandlesJob<Payload>(definition: JobDefinition<Payload>) {
  return (handler: new (...dependencies: never[]) => JobHandler<Payload>): void => {
    SetMetadata(HANDLES_JOB, definition)(handler);
  };
}
