/** How late a limit of an attempt may be noticed. */
const LOOK_MS = 50;

/** Something with a beginning that has to be looked at while it lasts. */
export interface Watched {
  /** Called every 50 ms or so, with the monotonic time. */
  look(now: number): void;
}

/**
 * One timer for all attempts of the process, running only while there are any: most of them end before it rings
 * once, and a timer of its own for each of them would cost more than the rest of a quick attempt.
 */
export class AttemptWatch {
  private readonly watched = new Set<Watched>();
  private timer: NodeJS.Timeout | undefined;

  add(one: Watched): void {
    this.watched.add(one);
    this.timer ??= setInterval(() => this.look(), LOOK_MS);
  }

  remove(one: Watched): void {
    this.watched.delete(one);
  }

  private look(): void {
    const now = performance.now();
    for (const one of this.watched) one.look(now);
    if (this.watched.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
