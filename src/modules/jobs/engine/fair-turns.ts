/** Where jobs wait for each other: a queue, or within it the jobs of one type that has limits of its own. */
export const laneOf = (job: {
  readonly queue: string;
  readonly type: string;
  readonly limitKey: string | null;
}): string => (job.limitKey === null ? job.queue : `${job.queue}/${job.type}`);

/** Among whom turns are shared out: people, and each type of the system's own jobs. */
export const ownerOf = (job: { readonly userId: string | null; readonly type: string }): string =>
  job.userId ?? `system ${job.type}`;

/** How far a lane has come at one priority. */
export interface LaneTurn {
  readonly lane: string;
  readonly priority: number;
  readonly turn: number;
}

/** The place from which a dispatch looks: what stands before it is found by a full look. */
export interface Floor {
  readonly turn: number;
  readonly id: string;
}

/** What one pass has dispatched at one priority of a lane. */
export interface Passed {
  /** The last one in the order of turns; null when there was none. */
  readonly last: Floor | null;
  readonly count: number;
  /** Nothing was left behind it. */
  readonly drained: boolean;
}

interface Lane {
  readonly lane: string;
  readonly priority: number;
  /** The highest turn dispatched so far, by anybody, as far as this process knows. */
  turn: number;
  floor: Floor;
  /** Becomes the floor at the next rotation. */
  coming: Floor;
  rotatedAt: number;
  /** Dispatched since `turn` was raised. */
  atThisTurn: number;
  told: number;
}

/** Before every id. */
export const NO_ID = '00000000-0000-0000-0000-000000000000';

/**
 * Jobs that were given their turn before this long, in milliseconds, and are committed only now are left to the full
 * look. Every dispatch steps over what was dispatched within one to two of these times.
 */
const FLOOR_AGE_MS = 100;

/** So many jobs of one turn without anybody waiting, and the turn moves on: otherwise the floor stood still. */
const JOBS_OF_ONE_TURN = 100;

/**
 * Whose turn it is among the jobs that wait in one lane at one priority: start-time fair queueing. A new job's turn
 * is the one after the last that was given to its owner, but never below the highest dispatched so far (the
 * *virtual time*). So a thousand jobs of one owner take a thousand turns, and the first job of another owner the
 * turn that is being served: nobody's pile stands before it, whatever its size.
 *
 * In memory, without a word to the database: no row all processes write to, no lock. Each process knows the turns it
 * has given itself and hears the virtual time of the others. What that costs: an owner who asks through several
 * processes has a turn in each, so as many shares; after a restart an owner's new jobs stand beside those that wait
 * already; and while a process has not heard how far the others are, for about a quarter of a second, its jobs stand
 * before as many others as were dispatched meanwhile. Nobody waits longer for it than that time.
 *
 * Times are milliseconds of any steady clock.
 */
export class FairTurns {
  private readonly lanes = new Map<string, Lane>();
  /** The last turn given to an owner who may still have jobs waiting; the least recent is forgotten first. */
  private readonly owners = new Map<string, number>();

  constructor(private readonly maxOwners = 20_000) {}

  /** Turns for `count` new jobs of one owner that are due at once, in their order. */
  turnsFor(lane: string, priority: number, owner: string, count: number): number[] {
    return this.give(`${priority} ${lane} ${owner}`, this.turn(lane, priority), count);
  }

  /**
   * The same for jobs that have waited for their time or run before. They stand in a row of their own: neither behind
   * the pile of new ones that their owner has, nor all at once before others. A turn after the present one, because
   * their ids are old, and the floor may have passed them.
   */
  turnsAgain(lane: string, priority: number, owner: string, count: number): number[] {
    return this.give(`${priority} ${lane} again ${owner}`, this.turn(lane, priority) + 1, count);
  }

  private give(key: string, least: number, count: number): number[] {
    if (count === 0) return [];
    const first = Math.max(least, (this.owners.get(key) ?? -1) + 1);
    this.owners.delete(key);
    this.owners.set(key, first + count - 1);
    if (this.owners.size > this.maxOwners) this.owners.delete(this.owners.keys().next().value!);
    return Array.from({ length: count }, (_, index) => first + index);
  }

  /** The virtual time. */
  turn(lane: string, priority: number): number {
    return this.lane(lane, priority).turn;
  }

  floor(lane: string, priority: number): Floor {
    return this.lane(lane, priority).floor;
  }

  /** This process has dispatched. */
  passed(lane: string, priority: number, { last, count, drained }: Passed, now: number): void {
    const known = this.lane(lane, priority);
    if (last && last.turn >= known.turn) {
      known.atThisTurn = (last.turn === known.turn ? known.atThisTurn : 0) + count;
      known.turn = last.turn;
      // While more of this turn wait, its ids are passed one after the other. Otherwise a job of this turn may come
      // with any id: clocks that make ids differ.
      this.rotate(known, drained ? { turn: last.turn, id: NO_ID } : last, now);
    }
    if (!drained) return;
    if (known.atThisTurn >= JOBS_OF_ONE_TURN) {
      known.turn += 1;
      known.atThisTurn = 0;
    } else if (known.floor.turn === known.turn) known.floor = { turn: known.turn, id: NO_ID };
  }

  /** Another process has come this far. */
  heard({ lane, priority, turn }: LaneTurn): void {
    const known = this.lane(lane, priority);
    if (turn <= known.turn) return;
    known.turn = turn;
    known.told = turn;
    known.atThisTurn = 0;
  }

  all(): LaneTurn[] {
    return [...this.lanes.values()].map(({ lane, priority, turn }) => ({ lane, priority, turn }));
  }

  /** What this process has moved since it was asked the last time. */
  news(): LaneTurn[] {
    const moved = [...this.lanes.values()].filter((known) => known.turn > known.told);
    for (const known of moved) known.told = known.turn;
    return moved.map(({ lane, priority, turn }) => ({ lane, priority, turn }));
  }

  private rotate(known: Lane, reached: Floor, now: number): void {
    if (now - known.rotatedAt < FLOOR_AGE_MS) return;
    known.rotatedAt = now;
    known.floor = known.coming;
    known.coming = reached;
  }

  private lane(lane: string, priority: number): Lane {
    const key = `${priority} ${lane}`;
    let known = this.lanes.get(key);
    if (!known) {
      const start = { turn: 0, id: NO_ID };
      known = {
        lane,
        priority,
        turn: 0,
        floor: start,
        coming: start,
        rotatedAt: -Infinity,
        atThisTurn: 0,
        told: 0,
      };
      this.lanes.set(key, known);
    }
    return known;
  }
}
