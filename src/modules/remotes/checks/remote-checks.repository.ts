import { Injectable } from '@nestjs/common';
import { execute, query, type Read } from '../../../kernel/database/index.js';

/** How long a remote counts as used after it was. */
const USED_FOR = `interval '1 day'`;
/** How long a claim holds when its process dies: more than a check takes, and its remote waits no longer than this. */
const CLAIM = `interval '60 seconds'`;
/** How long a refused login is not tried again because somebody was refused once more. */
const REFUSED_FOR = `interval '60 seconds'`;
const UNCLAIMED = `(check_claimed_at is null or check_claimed_at < clock_timestamp() - ${CLAIM})`;

@Injectable()
export class RemoteChecksRepository {
  /** To the minute, so that busy remotes are not written all the time. */
  async markUsed(read: Read, ids: readonly string[]): Promise<void> {
    await execute(
      read,
      `update remotes set used_at = clock_timestamp() where id in (
         select id from remotes where id = any ($1::uuid[])
            and (used_at is null or used_at < clock_timestamp() - interval '1 minute')
          order by id for update)`,
      [ids],
    );
  }

  /**
   * Those whose last check is older than the interval, up to a fifth longer for some, so that remotes made together
   * are not always asked together. The oldest first.
   */
  async claimDue(read: Read, seconds: number, limit: number): Promise<string[]> {
    const rows = await query<{ id: string }>(
      read,
      `update remotes set check_claimed_at = clock_timestamp() where id in (
         select id from remotes
          where used_at > clock_timestamp() - ${USED_FOR} and ${UNCLAIMED}
            and (last_checked_at is null or last_checked_at <
                 clock_timestamp() - make_interval(secs => $1::integer * (1 + (hashtext(id::text) & 1023) / 5120.0)))
          order by last_checked_at nulls first limit $2 for update skip locked)
       returning id`,
      [seconds, limit],
    );
    return rows.map(({ id }) => id);
  }

  /**
   * Those of them whose check can bring something new: who goes on asking a far side that refuses the login would have
   * it refused twice as often, until the far side locks the account.
   */
  async claimRefused(read: Read, ids: readonly string[]): Promise<string[]> {
    const rows = await query<{ id: string }>(
      read,
      `update remotes set check_claimed_at = clock_timestamp() where id in (
         select id from remotes where id = any ($1::uuid[]) and ${UNCLAIMED}
            and not (status = 'auth_error' and last_checked_at > clock_timestamp() - ${REFUSED_FOR})
          order by id for update skip locked)
       returning id`,
      [ids],
    );
    return rows.map(({ id }) => id);
  }
}
