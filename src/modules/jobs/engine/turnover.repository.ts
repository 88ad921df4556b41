import { Injectable } from '@nestjs/common';
import type { UserRole } from '../../../kernel/auth/index.js';
import { arrayLiteral, newId, query, queryOne, type Read, type Tx } from '../../../kernel/database/index.js';
import { INTO_EVENTS } from '../../../kernel/realtime/index.js';
import type { JobFence } from '../definition/define-job.js';
import type { Claim } from './dispatch.repository.js';
import type { ClaimedJob, Outcome, Settlement } from './job-moves.repository.js';

/** What one flush has done; what a guard refused is simply not among it. */
export interface Turnover {
  readonly claimed: ReadonlyMap<string, ClaimedJob>;
  /** Ids of the jobs whose settlement was written. */
  readonly settled: ReadonlySet<string>;
}

interface Row extends Omit<ClaimedJob, 'owner'> {
  /** Null for a job that was settled. */
  readonly leaseEpoch: number;
  readonly ownerRole: UserRole | null;
  readonly ownerIsActive: boolean | null;
}

/** Of a settlement `s`: what would run again although somebody asked to cancel it is cancelled instead. */
const NEXT_STATUS = `case when s.status = 'pending' and jobs.cancel_requested_at is not null then 'cancelled' else coalesce(s.status, 'completed') end`;

/**
 * `running → completed | failed | cancelled | pending`, fenced by the lease epoch, the events of those that ended,
 * and `queued → running` for others: one statement, so one round trip and one commit for all of them. No job is in
 * both halves: all of it sees one snapshot, in which a job has one status.
 *
 * Where all values of an array are as usual (completed without a result) it is empty.
 */
const STATEMENT = `with ended as (
         update jobs set status = ${NEXT_STATUS}, result = s.result::jsonb, error = s.error, error_code = s.error_code,
                progress = case when s.status is null then 100 else progress end,
                retry_count = retry_count + coalesce(s.spent, 0), worker_id = null,
                run_at = case when ${NEXT_STATUS} = 'pending' then now() + make_interval(secs => coalesce(s.delay, 0)) end,
                completed_at = case when s.status is null or s.status = 'failed' then greatest(clock_timestamp(), started_at) end,
                cancelled_at = case when ${NEXT_STATUS} = 'cancelled' then greatest(clock_timestamp(), started_at) end,
                updated_at = clock_timestamp()
           from unnest($1::uuid[], $2::integer[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::integer[], $9::double precision[], $13::boolean[])
                as s(id, lease_epoch, event_id, status, result, error, error_code, spent, delay, quiet)
          where jobs.id = s.id and jobs.status = 'running' and jobs.lease_epoch = s.lease_epoch
         returning jobs.id, jobs.user_id, jobs.type, jobs.schedule_id, jobs.status, jobs.error, s.event_id, s.quiet),
       told as (
         insert into ${INTO_EVENTS}
         select event_id, 'job.' || status, 'jobs', user_id, id,
                case when quiet then jsonb_build_object('type', type, 'status', status, 'scheduleId', schedule_id, 'error', error, 'quiet', true)
                     else jsonb_build_object('type', type, 'status', status, 'scheduleId', schedule_id, 'error', error) end
           from ended where status <> 'pending' order by event_id),
       claimed as (
         update jobs set status = 'running', lease_epoch = jobs.lease_epoch + 1, worker_id = $12, progress = 0, progress_detail = null,
                started_at = greatest(clock_timestamp(), created_at), updated_at = clock_timestamp()
           from unnest($10::uuid[], $11::integer[]) as hint(id, dispatch_no)
          where jobs.id = hint.id and jobs.status = 'queued' and jobs.dispatch_no = hint.dispatch_no
         returning jobs.id, jobs.user_id, jobs.type, jobs.payload, jobs.retry_count, jobs.max_retries, jobs.timeout_seconds,
                   jobs.lease_epoch, jobs.schedule_id, jobs.request_id, jobs.error,
                   case when jobs.lease_epoch = 1 then extract(epoch from jobs.started_at - greatest(jobs.created_at, jobs.scheduled_for))::double precision end as waited)
       select c.id, user_id as "userId", type, payload, retry_count as "retryCount", max_retries as "maxRetries",
              timeout_seconds as "timeoutSeconds", lease_epoch as "leaseEpoch", schedule_id as "scheduleId",
              request_id as "requestId", error as "lastError", users.role as "ownerRole", users.is_active as "ownerIsActive",
              waited as "waitedSeconds"
         from claimed c left join users on users.id = c.user_id and users.deleted_at is null
       union all
       select id, null, null, null, null, null, null, null, null, null, null, null, null, null from ended`;

/** Ends and beginnings of this process's attempts (ADR 18). */
@Injectable()
export class TurnoverRepository {
  async turnOver(
    read: Read,
    workerId: string,
    settlements: readonly Settlement[],
    claims: readonly Claim[],
  ): Promise<Turnover> {
    const columns = settlements.map(({ outcome }) => columnsOf(outcome));
    const rows = await query<Row>(
      read,
      STATEMENT,
      [
        arrayLiteral(settlements.map(({ jobId }) => jobId)),
        arrayLiteral(settlements.map(({ leaseEpoch }) => leaseEpoch)),
        arrayLiteral(settlements.map(() => newId())),
        arrayLiteral(columns.map(({ status }) => status)),
        arrayLiteral(columns.map(({ result }) => result)),
        arrayLiteral(columns.map(({ error }) => error)),
        arrayLiteral(columns.map(({ errorCode }) => errorCode)),
        arrayLiteral(columns.map(({ spent }) => spent)),
        arrayLiteral(columns.map(({ delay }) => delay)),
        arrayLiteral(claims.map(([id]) => id)),
        arrayLiteral(claims.map(([, dispatchNo]) => dispatchNo)),
        workerId,
        arrayLiteral(columns.map(({ quiet }) => quiet)),
      ],
      'jobs_turn_over',
    );
    const claimed = new Map<string, ClaimedJob>();
    const settled = new Set<string>();
    for (const row of rows)
      if (row.leaseEpoch === null) settled.add(row.id);
      else claimed.set(row.id, claimedJob(row));
    return { claimed, settled };
  }

  /**
   * Whether the attempt still holds its job, which then nobody moves until the transaction ends. For an `update` where
   * the transaction writes the row itself: it would have to wait for those who wait for its share.
   */
  async holds(tx: Tx, { jobId, leaseEpoch }: JobFence, lock: 'share' | 'update'): Promise<boolean> {
    const row = await queryOne(
      tx,
      `select 1 from jobs where id = $1 and status = 'running' and lease_epoch = $2 for ${lock}`,
      [jobId, leaseEpoch],
      `jobs_holds_${lock}`,
    );
    return row !== null;
  }
}

function claimedJob({ ownerRole: role, ownerIsActive: isActive, ...job }: Row): ClaimedJob {
  return { ...job, owner: role === null || isActive === null ? null : { role, isActive } };
}

/** Columns of a settlement; null for what is as usual. */
interface Columns {
  readonly status: 'failed' | 'cancelled' | 'pending' | null;
  readonly result: string | null;
  readonly error: string | null;
  readonly errorCode: string | null;
  readonly spent: number | null;
  readonly delay: number | null;
  readonly quiet: 'true' | null;
}

const USUAL: Columns = {
  status: null,
  result: null,
  error: null,
  errorCode: null,
  spent: null,
  delay: null,
  quiet: null,
};
const USUAL_AND_QUIET: Columns = { ...USUAL, quiet: 'true' };

function columnsOf(outcome: Outcome): Columns {
  switch (outcome.kind) {
    case 'completed': {
      const usual = outcome.quiet ? USUAL_AND_QUIET : USUAL;
      return outcome.result === null ? usual : { ...usual, result: JSON.stringify(outcome.result) };
    }
    case 'failed':
      return { ...USUAL, status: 'failed', error: outcome.error, errorCode: outcome.errorCode };
    case 'cancelled':
      return { ...USUAL, status: 'cancelled' };
    case 'retry':
      return {
        ...USUAL,
        status: 'pending',
        error: outcome.error,
        errorCode: outcome.errorCode,
        spent: 1,
        delay: outcome.delaySeconds,
      };
    case 'release':
      break;
  }
  return {
    ...USUAL,
    status: 'pending',
    error: outcome.reason,
    errorCode: outcome.reason === null ? null : 'postponed',
    delay: outcome.delaySeconds,
  };
}
