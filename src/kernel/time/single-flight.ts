/**
 * Runs one piece of work at a time however often it is asked for.
 *
 * `trigger()` starts a run, or, while one is under way, makes sure exactly one more follows: a wake-up that
 * arrives in the middle of a run is never lost and never piles up. A run that throws is reported to `onError`
 * and does not stop later runs. `stop()` forbids further runs and resolves when the current one has ended.
 *
 * One made with `held` runs nothing before `begin()`, so that a timer that ticks while the process is still starting,
 * or in a process that has no part in the work, does nothing. Triggers that come earlier are forgotten.
 */
export class SingleFlight {
  private current: Promise<void> | null = null;
  private again = false;
  private phase: 'held' | 'open' | 'stopped' = 'open';

  constructor(
    private readonly work: () => Promise<void>,
    private readonly onError: (error: unknown) => void,
  ) {}

  static held(work: () => Promise<void>, onError: (error: unknown) => void): SingleFlight {
    const flight = new SingleFlight(work, onError);
    flight.phase = 'held';
    return flight;
  }

  /** Whether triggers count: begun, and not stopped. Long work asks it to know when to leave off. */
  get isOpen(): boolean {
    return this.phase === 'open';
  }

  begin(): void {
    if (this.phase === 'held') this.phase = 'open';
  }

  trigger(): void {
    if (!this.isOpen) return;
    if (this.current) {
      this.again = true;
      return;
    }
    this.current = this.drain();
  }

  /** Runs and waits until nothing is under way any more: for callers that need the effect, such as tests. */
  async settle(): Promise<void> {
    this.trigger();
    while (this.current) await this.current;
  }

  async stop(): Promise<void> {
    this.phase = 'stopped';
    await this.current;
  }

  private async drain(): Promise<void> {
    // The run begins after trigger() has returned, so that `current` is set while it runs.
    await Promise.resolve();
    do {
      this.again = false;
      try {
        await this.work();
      } catch (error) {
        this.onError(error);
      }
    } while (this.again && this.isOpen);
    // In the same turn as the check above: a trigger that comes later starts a run of its own.
    this.current = null;
  }
}
