import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Database } from '../../../kernel/database/index.js';
import { Hub } from '../../../kernel/realtime/index.js';
import { JobsService } from '../../jobs/index.js';
import type { TransferControl } from '../engine/transfer-engine.js';

/** Hub topic: somebody has set the bandwidth of a running job. Lost: known when this process hears the others again. */
export const TRANSFER_LIMIT_TOPIC = 'transfer-limit';
export interface TransferLimitMessage {
  readonly jobId: string;
  readonly bandwidthLimit: number | null;
}

interface Running {
  control: TransferControl | null;
  limit: number | null | undefined;
  readonly problem: (error: unknown) => void;
}

/** What is kept in a job whose bandwidth was set while it ran; null lifts the limit of the payload. */
export function keptLimit(kept: object): number | null | undefined {
  const value = (kept as { bandwidthLimit?: unknown }).bandwidthLimit;
  return value === null || typeof value === 'number' ? value : undefined;
}

/**
 * The bandwidth of transfers that run in this process. A limit that is set while a transfer runs reaches it through
 * the hub from whichever process was asked, and is in the job's row for the attempts that follow.
 */
@Injectable()
export class TransferLimits implements OnModuleInit, OnModuleDestroy {
  private readonly running = new Map<string, Running>();
  private unsubscribe: () => void = () => undefined;

  constructor(
    private readonly hub: Hub,
    private readonly database: Database,
    private readonly jobs: JobsService,
  ) {}

  onModuleInit(): void {
    this.unsubscribe = this.hub.subscribe(TRANSFER_LIMIT_TOPIC, (message) => {
      const { jobId, bandwidthLimit } = message as Partial<TransferLimitMessage>;
      if (jobId !== undefined && bandwidthLimit !== undefined) this.set(jobId, bandwidthLimit);
    });
    this.hub.onReconnect(() => void this.lookAgain());
  }

  onModuleDestroy(): void {
    this.unsubscribe();
  }

  /** Until what it answers is called, limits reach the transfer that `started` was told of last. */
  follow(
    jobId: string,
    limit: number | null | undefined,
    problem: (error: unknown) => void,
  ): {
    started: (control: TransferControl) => void;
    limit: () => number | null | undefined;
    end: () => void;
  } {
    const entry: Running = { control: null, limit, problem };
    this.running.set(jobId, entry);
    return {
      started: (control) => {
        entry.control = control;
        if (entry.limit !== limit) this.apply(entry);
      },
      limit: () => entry.limit,
      end: () => {
        if (this.running.get(jobId) === entry) this.running.delete(jobId);
      },
    };
  }

  private set(jobId: string, limit: number | null): void {
    const entry = this.running.get(jobId);
    if (!entry) return;
    entry.limit = limit;
    this.apply(entry);
  }

  private apply({ control, limit, problem }: Running): void {
    if (control && limit !== undefined) control.limitBandwidth(limit).catch(problem);
  }

  private async lookAgain(): Promise<void> {
    const { read } = this.database.system('transfer limits');
    for (const [jobId, entry] of this.running)
      try {
        const limit = keptLimit(await this.jobs.kept(read, jobId));
        if (limit !== undefined && limit !== entry.limit) this.set(jobId, limit);
      } catch (error) {
        entry.problem(error);
      }
  }
}
