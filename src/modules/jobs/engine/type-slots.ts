import { Injectable } from '@nestjs/common';
import type { JobDefinition } from '../definition/define-job.js';
import type { Outcome } from './job-moves.repository.js';

/**
 * How long an attempt waits for a place in this process: short work is over by then. What found none goes back, so
 * that another process can have it, which may have a place free.
 */
const PATIENCE_MS = 500;
const BACK_AGAIN_SECONDS = 0.2;

type Bounded = Pick<JobDefinition, 'name' | 'concurrency'>;

/**
 * Places for attempts of types that run only so many at a time in one process (`concurrency`). The dispatcher keeps
 * the total within what all processes may run, but the queue does not share jobs out evenly.
 */
@Injectable()
export class TypeSlots {
  private readonly taken = new Map<string, number>();
  /** Those who wait for a place, by type, first come first served. */
  private readonly waiting = new Map<string, (() => void)[]>();

  /** Runs the work in a place of its type; without one the job is handed back, no attempt spent. */
  async within(type: Bounded, work: () => Promise<Outcome | 'lost'>): Promise<Outcome | 'lost'> {
    if (type.concurrency === null) return work();
    if (!(await this.take(type.name, type.concurrency)))
      return { kind: 'release', delaySeconds: BACK_AGAIN_SECONDS, reason: null };
    try {
      return await work();
    } finally {
      this.free(type.name);
    }
  }

  private take(type: string, places: number): Promise<boolean> {
    const taken = this.taken.get(type) ?? 0;
    if (taken < places) {
      this.taken.set(type, taken + 1);
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const line = this.waiting.get(type) ?? [];
      this.waiting.set(type, line);
      const enter = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      const timer = setTimeout(() => {
        line.splice(line.indexOf(enter), 1);
        resolve(false);
      }, PATIENCE_MS);
      line.push(enter);
    });
  }

  /** Hands the place to whoever waits longest, so that nobody who comes now overtakes. */
  private free(type: string): void {
    const next = this.waiting.get(type)?.shift();
    if (next) next();
    else this.taken.set(type, (this.taken.get(type) ?? 1) - 1);
  }
}
