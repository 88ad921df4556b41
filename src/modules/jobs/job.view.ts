import { z } from 'zod';
import type { OfferedDefinition } from './definition/job-registry.js';
import type { JobEntity } from './job.entity.js';
import type { JobLogEntity } from './job-log.entity.js';
import type { JobLogView, JobTypeView, JobView } from './jobs.schema.js';

const instant = (at: Date | null): string | null => at?.toISOString() ?? null;

export function toJobView(job: JobEntity): JobView {
  const end = job.completedAt ?? job.cancelledAt;
  return {
    id: job.id,
    userId: job.userId,
    type: job.type,
    status: job.status,
    priority: job.priority,
    progress: job.progress,
    progressDetail: job.progressDetail as Record<string, unknown> | null,
    payload: job.payload,
    result: job.result,
    error: job.error,
    errorCode: job.errorCode,
    retryCount: job.retryCount,
    maxRetries: job.maxRetries,
    crashCount: job.crashCount,
    scheduledFor: instant(job.scheduledFor),
    scheduleId: job.scheduleId,
    cancelRequested: job.cancelRequestedAt !== null,
    createdAt: job.createdAt.toISOString(),
    startedAt: instant(job.startedAt),
    completedAt: instant(job.completedAt),
    cancelledAt: instant(job.cancelledAt),
    durationMs: end && job.startedAt ? Math.max(0, end.getTime() - job.startedAt.getTime()) : null,
  };
}

export function toJobLogView(line: JobLogEntity): JobLogView {
  return {
    id: line.id,
    level: line.level,
    message: line.message,
    details: line.details,
    createdAt: line.createdAt.toISOString(),
  };
}

export function toJobTypeView(definition: OfferedDefinition): JobTypeView {
  const { name, summary, queue, requiredRole, maxRetries, timeoutSeconds, concurrency, onCrash } = definition;
  const { backoff, limits, unique, repeats, sizes } = definition;
  const { perKey, rate } = limits;
  return {
    name,
    summary,
    queue,
    requiredRole,
    maxRetries,
    backoff: backoff.kind === 'custom' ? { kind: backoff.kind, describe: backoff.describe } : backoff,
    timeoutSeconds,
    concurrency,
    limits: {
      global: limits.global ?? null,
      perKey: perKey ? { jobs: perKey.jobs, by: perKey.by ?? null } : null,
      rate: rate
        ? {
            jobs: rate.jobs,
            perSeconds: rate.perSeconds,
            perKey: rate.key !== undefined,
            by: rate.by ?? null,
          }
        : null,
    },
    unique: unique ? { until: unique.until, by: unique.by ?? null } : null,
    onCrash,
    repeats,
    sizes,
    payloadSchema: z.toJSONSchema(definition.payload, { io: 'input', unrepresentable: 'any' }),
  };
}
