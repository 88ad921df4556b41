import { describe, expect, it } from 'vitest';
import { ENDED, JOB_STATUSES, isLegalMove, type JobStatus } from './job-status.js';

describe('job status table', () => {
  const legal = JOB_STATUSES.flatMap((from) =>
    JOB_STATUSES.filter((to) => isLegalMove(from, to)).map((to) => `${from} → ${to}`),
  );

  it('allows exactly these moves', () => {
    expect(legal).toEqual([
      'pending → queued',
      'pending → cancelled',
      'queued → pending',
      'queued → running',
      'queued → cancelled',
      'running → pending',
      'running → completed',
      'running → failed',
      'running → cancelled',
      'failed → pending',
      'cancelled → pending',
    ]);
  });

  it('leaves completed for ever and every other status by some road to an end', () => {
    const reachable = (from: JobStatus, seen = new Set<JobStatus>()): Set<JobStatus> => {
      if (seen.has(from)) return seen;
      seen.add(from);
      for (const to of JOB_STATUSES) if (isLegalMove(from, to)) reachable(to, seen);
      return seen;
    };
    expect([...reachable('completed')]).toEqual(['completed']);
    for (const status of JOB_STATUSES) expect(ENDED.some((end) => reachable(status).has(end))).toBe(true);
  });
});
