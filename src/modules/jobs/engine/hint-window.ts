/** Hints that may wait although no worker is known to be alive: the first one to come finds some. */
const LEAST = 10;
/** Never more, however fast they are taken: what waits in the queue is out of reach for order, pause and cancel. */
const MOST = 1_000;
const PERIOD_MS = 250;

/**
 * How many hints of one queue should wait at a time: one for every hint its workers handle side by side, and what
 * they take in a quarter of a second on top of it. Fewer would let quick workers stand still between two
 * dispatches; more would put jobs in front of those that ask later, at the price of order and memory.
 *
 * What is taken is measured twice: by the hints this process's own worker takes, and by how the number of waiting
 * hints has fallen since the last look. The larger counts, for neither sees everything.
 */
export class HintWindow {
  private began = -Infinity;
  private takenHere = 0;
  private fallen = 0;
  private takenSinceLook = 0;
  private size = LEAST;
  /** Of the period before. */
  private rate = 0;
  /** Waiting after the last look and what was added since. */
  private expected = 0;

  /** A worker of this process has taken a hint. */
  taken(): void {
    this.takenHere += 1;
    this.takenSinceLook += 1;
  }

  /**
   * Whether so much was taken that filling up is worth a dispatch. `share`: which part of all slots this process has,
   * since it sees only what is taken here. Without it, quick work would be dispatched job by job.
   */
  worthFilling(share: number): boolean {
    return this.takenSinceLook >= (this.size * share) / 8;
  }

  added(hints: number): void {
    this.expected += hints;
  }

  /** So many wait now; answers how many there is room for. `slots`: what the living workers handle side by side. */
  room(waiting: number, slots: number, now: number): number {
    if (now - this.began >= PERIOD_MS) {
      // Nobody has looked for long: that was no period but a pause, and says nothing about now.
      const wasPause = now - this.began >= 4 * PERIOD_MS;
      this.rate = wasPause ? 0 : Math.max(this.takenHere, this.fallen);
      if (wasPause) this.expected = waiting;
      this.began = now;
      this.takenHere = 0;
      this.fallen = 0;
    }
    this.fallen += Math.max(0, this.expected - waiting);
    this.expected = waiting;
    const recent = Math.max(this.rate, this.takenHere, this.fallen);
    this.takenSinceLook = 0;
    this.size = Math.min(MOST, Math.max(LEAST, slots + recent));
    return this.size - waiting;
  }
}
