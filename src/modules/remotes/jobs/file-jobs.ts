import { Injectable } from '@nestjs/common';
import type { Actor } from '../../../kernel/auth/index.js';
import { Settings } from '../../../kernel/config/index.js';
import { Database, databaseNow, type Read } from '../../../kernel/database/index.js';
import { UserError } from '../../../kernel/http/index.js';
import { JobsService, PostponeError, type JobContext } from '../../jobs/index.js';
import {
  type EngineRemote,
  TransferEngine,
  type TransferObserver,
  type TransferOperation,
  type TransferProgress,
  type TransferResult,
} from '../engine/transfer-engine.js';
import { FileListings } from '../files/file-listings.js';
import { liesIn, lockPlaces, remoteScope } from '../locks/lock-places.js';
import { PathLocks, type LockRequest } from '../locks/path-locks.js';
import { displayPath } from '../remote-path.js';
import { RemotesService } from '../remotes.service.js';
import { FileClaims, type FileClaim, type GrantedPlace, type Side } from './file-claims.js';
import { jobProblem } from './job-problem.js';
import { TransferLimits, keptLimit } from './transfer-limits.js';

/** Who leaves a place tells those who wait for it; a message that comes too early is made up for by this look. */
const PLACE_TAKEN_SECONDS = 10;

/** Which part of the whole job one transfer of it is, from 0 to 1. */
export interface Share {
  readonly from: number;
  readonly to: number;
}
const WHOLE: Share = { from: 0, to: 1 };

/** What an attempt works with once it may begin. */
export interface FileDesk {
  readonly engine: TransferEngine;
  /** What earlier attempts have kept. */
  readonly kept: object;
  /** An attempt before this one has begun. */
  readonly isRepeated: boolean;
  place(side: Side): GrantedPlace;
  transfer(operation: TransferOperation, share?: Share): Promise<TransferResult>;
  /** For this attempt and those after it. */
  keep(values: object): Promise<void>;
  /** By the database's clock. */
  now(): Promise<Date>;
}

/**
 * What all jobs that move files have in common: their rights, their places among other jobs, their bandwidth, and
 * what follows when they do not succeed. A job type says what it claims and what is to be done there.
 */
@Injectable()
export class FileJobs {
  constructor(
    private readonly database: Database,
    private readonly engine: TransferEngine,
    private readonly jobs: JobsService,
    private readonly remotes: RemotesService,
    private readonly claims: FileClaims,
    private readonly locks: PathLocks,
    private readonly limits: TransferLimits,
    private readonly listings: FileListings,
    private readonly settings: Settings,
  ) {}

  /** Answers the places for checks of the type's own. */
  async authorize(read: Read, actor: Actor, claims: readonly FileClaim[]): Promise<GrantedPlace[]> {
    return this.claims.grant(read, actor, claims);
  }

  /**
   * Does the work with the rights its owner has now and its places to itself. Postponed while others are there, or
   * while there is no rclone; `dryRun` changes nothing, so it only reads.
   */
  async run<T extends object>(
    context: JobContext,
    job: {
      readonly claims: readonly FileClaim[];
      readonly bandwidthLimit?: number | undefined;
      readonly dryRun: boolean;
    },
    work: (desk: FileDesk) => Promise<T>,
  ): Promise<T> {
    const { fence, actor } = context;
    const places = await this.claims.grant(this.database.as(actor).read, actor, job.claims);
    const kept = await this.begin(context, places, job.dryRun);
    const warn = (error: unknown): void =>
      context.log(
        'warning',
        `The bandwidth could not be set: ${error instanceof Error ? error.message : ''}`,
      );
    const limits = this.limits.follow(context.jobId, keptLimit(kept), warn);
    try {
      return await work(this.desk(context, places, kept, { ...job, limits: limits }));
    } catch (error) {
      await this.remotes.sawProblem(
        places.map(({ remote }) => remote.id),
        error,
      );
      throw jobProblem(error, context);
    } finally {
      limits.end();
      if (!job.dryRun)
        for (const { remote, path, writes } of places)
          if (writes) this.listings.changed(remote.id, path, remote.parts);
      await this.locks.release(fence);
    }
  }

  /** Takes the places and notes that an attempt has begun, in one transaction; answers what was kept before. */
  private async begin(
    context: JobContext,
    places: readonly GrantedPlace[],
    dryRun: boolean,
  ): Promise<object> {
    const request = this.request(context, places, dryRun);
    const { kept, reason } = await this.database.system('path locks').tx(async (tx) => {
      const before = await this.jobs.hold(tx, context.fence);
      const waitsFor = await this.locks.take(tx, request);
      if (waitsFor === null) await this.jobs.keep(tx, context.jobId, { begun: true });
      return { kept: before, reason: waitsFor };
    });
    if (reason !== null) throw new PostponeError(PLACE_TAKEN_SECONDS, reason);
    return kept;
  }

  private request(
    { fence, actor }: JobContext,
    places: readonly GrantedPlace[],
    dryRun: boolean,
  ): LockRequest {
    const { fileJobs, fileJobsPerRemote, fileJobsPerUser } = this.settings;
    const remotes = [...new Set(places.map(({ remote }) => remote.id))];
    return {
      fence,
      places: places.flatMap(({ remote, path, side, writes }) =>
        lockPlaces(remote, path, writes && !dryRun).map((place) => ({
          ...place,
          label: `${displayPath(path)} of the ${side} remote`,
        })),
      ),
      counts: [
        { scope: 'all file jobs', most: fileJobs, label: 'here' },
        ...('userId' in actor
          ? [{ scope: `jobs of ${actor.userId}`, most: fileJobsPerUser, label: 'of its owner' }]
          : []),
        ...remotes.map((id) => ({
          scope: `jobs at ${remoteScope(id)}`,
          most: fileJobsPerRemote,
          label: 'on one of its remotes',
        })),
      ],
    };
  }

  private desk(
    context: JobContext,
    places: readonly GrantedPlace[],
    kept: object,
    job: { readonly bandwidthLimit?: number | undefined; readonly limits: Followed },
  ): FileDesk {
    const isRepeated = (kept as { begun?: unknown }).begun === true;
    const remotes: EngineRemote[] = places.map(({ remote }) => remote);
    return {
      engine: this.engine,
      kept,
      isRepeated,
      place: (side) => placeAt(places, side),
      keep: (values) => this.keep(context, values),
      now: () => databaseNow(this.database.system('file jobs').read),
      transfer: (operation, share = WHOLE) => {
        const now = job.limits.limit();
        const bandwidthLimit = now === undefined ? job.bandwidthLimit : now;
        const { bandwidthLimit: _asked, ...options } = operation.options;
        return this.engine.transfer(
          remotes,
          {
            ...operation,
            options: {
              ...options,
              ...(bandwidthLimit === undefined || bandwidthLimit === null ? {} : { bandwidthLimit }),
            },
          },
          observerOf(context, isRepeated, share, job.limits.started),
        );
      },
    };
  }

  private async keep({ fence }: JobContext, values: object): Promise<void> {
    await this.database.system('file jobs').tx(async (tx) => {
      await this.jobs.hold(tx, fence);
      await this.jobs.keep(tx, fence.jobId, values);
    });
  }
}

type Followed = ReturnType<TransferLimits['follow']>;

function placeAt(places: readonly GrantedPlace[], side: Side): GrantedPlace {
  const place = places.find((one) => one.side === side);
  if (!place) throw new Error(`the job has claimed no ${side}`);
  return place;
}

/** 400 where a job would work inside of what it works on. `bothWays`: also where its source lies in its destination. */
export function refuseOverlap(source: GrantedPlace, destination: GrantedPlace, bothWays: boolean): void {
  if (!liesIn(destination, source) && !(bothWays && liesIn(source, destination))) return;
  const what = bothWays
    ? 'is the source itself, lies in it or holds it'
    : 'is the source itself or lies in it';
  throw UserError.field('/payload/destination', 'overlap', what);
}

function observerOf(
  context: JobContext,
  isRepeated: boolean,
  { from, to }: Share,
  onStart: TransferObserver['onStart'],
): TransferObserver {
  return {
    signal: context.signal,
    isRepeated,
    onStart,
    onProgress: ({ percent, ...detail }: TransferProgress) =>
      context.progress(100 * from + percent * (to - from), detail),
    onLog: (level, message, details) => context.log(level, message, details),
  };
}
