import { WORKER_SILENCE_SECONDS } from './rescue.repository.js';

/**
 * Longest pause between two looks. Beats come every 5 s and count for 12, so nobody alive can fall silent in a gap
 * of up to 7 s.
 */
const LONGEST_GAP_MS = 7_000;

/**
 * Whether this process may call others dead. While the database stood still, or this process did (a blocked event
 * loop, a suspended machine), nobody's beats were seen, and the living look like the dead: jobs would be taken from
 * all of them at once, run twice, and count as crashed. After such a gap it has to watch for a whole silence limit
 * first. A process that has just started may judge at once, so that a restart takes back what it left.
 *
 * Times are the database's, in milliseconds, because it is the one who stamps the beats; it may be set.
 */
export class Lookout {
  private last: number | null = null;
  private blindUntil = -Infinity;

  /** One look at the clock: to be called with each pass, and only when the database has answered. */
  look(now: number): boolean {
    if (this.last !== null && Math.abs(now - this.last) > LONGEST_GAP_MS)
      this.blindUntil = now + WORKER_SILENCE_SECONDS * 1000;
    this.last = now;
    return now >= this.blindUntil;
  }
}
