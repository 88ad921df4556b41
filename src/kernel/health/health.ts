import { Injectable } from '@nestjs/common';
import { within } from '../time/index.js';

export interface PartHealth {
  readonly status: 'ok' | 'degraded' | 'down';
  /** What is wrong and what to do, for the operator. */
  readonly detail?: string;
  readonly latencyMs: number;
}

export interface HealthReport {
  readonly status: 'ok' | 'degraded' | 'down';
  readonly phase: 'starting' | 'serving' | 'draining';
  readonly parts: Readonly<Record<string, PartHealth>>;
}

/** One part's own check. `vital: true`: without it the process is not ready; others only degrade it. */
export interface HealthCheck {
  readonly name: string;
  readonly vital: boolean;
  /** Resolves when all is well, with a text when degraded; rejects when it is gone. */
  check(): Promise<string | void>;
}

const CHECK_LIMIT_MS = 3_000;

/**
 * Health of this process. Parts register their own check; the kernel knows none of them by name. Not ready while
 * starting, draining, or when a vital part is gone; without the others degraded but serving.
 */
@Injectable()
export class Health {
  private readonly checks: HealthCheck[] = [];
  private phase: HealthReport['phase'] = 'starting';

  register(check: HealthCheck): void {
    this.checks.push(check);
  }

  enter(phase: HealthReport['phase']): void {
    this.phase = phase;
  }

  async report(): Promise<HealthReport> {
    const results = await Promise.all(
      this.checks.map(async (check) => [check, await measured(check)] as const),
    );
    const down = results.some(([check, part]) => check.vital && part.status === 'down');
    const impaired = results.some(([, part]) => part.status !== 'ok');
    return {
      status: down ? 'down' : impaired ? 'degraded' : 'ok',
      phase: this.phase,
      parts: Object.fromEntries(results.map(([check, part]) => [check.name, part])),
    };
  }

  async ready(): Promise<HealthReport & { readonly ready: boolean }> {
    const report = await this.report();
    return { ...report, ready: report.phase === 'serving' && report.status !== 'down' };
  }
}

async function measured({ check }: HealthCheck): Promise<PartHealth> {
  const began = performance.now();
  const latencyMs = () => Math.round((performance.now() - began) * 10) / 10;
  try {
    const detail = await within(
      check(),
      CHECK_LIMIT_MS,
      () => new Error(`no answer within ${CHECK_LIMIT_MS} ms`),
    );
    return detail === undefined
      ? { status: 'ok', latencyMs: latencyMs() }
      : { status: 'degraded', detail, latencyMs: latencyMs() };
  } catch (error) {
    return {
      status: 'down',
      detail: error instanceof Error ? error.message : String(error),
      latencyMs: latencyMs(),
    };
  }
}
