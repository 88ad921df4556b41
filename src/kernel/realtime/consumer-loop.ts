import { isUnreachable, type DatabaseScope } from '../database/index.js';
import { OperationalError } from '../http/errors.js';
import type { Log } from '../log/index.js';
import { SingleFlight, jitteredPause } from '../time/index.js';
import { Alarm } from './alarm.js';
import type { StoredEvent } from './event.js';
import type { EventConsumer } from './event-consumer.js';
import type { EventCursorsRepository } from './event-cursors.repository.js';
import type { EventsRepository } from './events.repository.js';

const LARGEST_BATCH = 500;
const FAILURES_UNTIL_SKIPPED = 5;
/** Shortest time between two looks at the table: under load each of them then finds many events and not a few. */
const PACE_MS = 50;

/**
 * Delivers to one consumer, one batch at a time.
 *
 * The cursor row is locked, the batch handled and the cursor moved in one transaction: competing processes take
 * turns, and whatever was not committed is delivered again. A batch that fails is halved until the event that
 * fails is alone; that one is tried five times with growing pauses and then skipped, so that one bad event never
 * stops the others. Failures of the surroundings (database away, deadlock, a part that is down) never skip.
 */
export class ConsumerLoop {
  private readonly flight: SingleFlight;
  private readonly alarm = new Alarm(() => this.flight.trigger());
  private batchSize = LARGEST_BATCH;
  private heldChecks = 0;
  private failures = 0;
  private failing: string | null = null;
  private skipped: string | null = null;
  private pausedUntil = 0;
  private lookedAt = -Infinity;
  private stopping = false;

  constructor(
    private readonly consumer: EventConsumer,
    /** What is delivered belongs to many. */
    private readonly scope: DatabaseScope,
    private readonly events: EventsRepository,
    private readonly cursors: EventCursorsRepository,
    private readonly log: Log,
  ) {
    this.flight = new SingleFlight(
      () => this.run(),
      (error) => this.log.warn({ err: error, consumer: consumer.name }, 'events cannot be delivered'),
    );
  }

  trigger(): void {
    const now = performance.now();
    if (now < this.pausedUntil) return;
    const next = this.lookedAt + PACE_MS;
    if (now >= next) this.flight.trigger();
    else if (!this.stopping) this.alarm.set(next - now);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.alarm.clear();
    await this.flight.stop();
    this.alarm.clear();
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      this.lookedAt = performance.now();
      const { ready, held } = await this.cursors.outlook(this.scope.read, this.consumer.name);
      if (ready) {
        this.heldChecks = 0;
        if (!(await this.deliverBatch())) return;
        continue;
      }
      // Nobody rings when the older transaction that holds them back ends.
      if (held) this.alarm.set(jitteredPause(this.heldChecks++, 20, 500));
      return;
    }
  }

  /** False when there is no point in going on at once: it failed, or there were few, and more will be there soon. */
  private async deliverBatch(): Promise<boolean> {
    let wanted: StoredEvent[] = [];
    try {
      return await this.scope.tx(async (tx) => {
        const after = await this.cursors.claim(tx, this.consumer.name);
        if (!after) return false;
        const { events, end, full } = await this.events.readFor(tx, this.consumer, after, this.batchSize);
        if (!end) return false;
        wanted = events.filter(({ id }) => id !== this.skipped);
        if (wanted.length > 0) await this.consumer.handle(tx, wanted);
        await this.cursors.advance(tx, this.consumer.name, end);
        tx.afterCommit(() => this.succeeded());
        if (!full) this.alarm.set(PACE_MS);
        return full;
      });
    } catch (error) {
      this.failed(wanted, error);
      return false;
    }
  }

  private succeeded(): void {
    this.failures = 0;
    this.failing = null;
    this.skipped = null;
    this.batchSize = Math.min(LARGEST_BATCH, this.batchSize * 2);
  }

  private failed(wanted: readonly StoredEvent[], error: unknown): void {
    const details = { err: error, consumer: this.consumer.name, events: wanted.length };
    const [only, ...others] = wanted;
    if (!only || isOfSurroundings(error)) {
      this.log.warn(details, 'events could not be handled just now');
      this.pause(jitteredPause(this.failures++, 100, 10_000));
    } else if (others.length > 0) {
      this.log.warn(details, 'events could not be handled together');
      this.batchSize = Math.ceil(Math.min(this.batchSize, wanted.length) / 2);
      this.pause(jitteredPause(0, 20, 20));
    } else {
      this.failedAlone(only, error);
    }
  }

  private failedAlone(event: StoredEvent, error: unknown): void {
    this.failures = this.failing === event.id ? this.failures + 1 : 1;
    this.failing = event.id;
    const details = { err: error, consumer: this.consumer.name, eventId: event.id, type: event.type };
    if (this.failures < FAILURES_UNTIL_SKIPPED) {
      this.log.warn({ ...details, failures: this.failures }, 'an event could not be handled');
      this.pause(jitteredPause(this.failures - 1, 100, 10_000));
      return;
    }
    this.log.error(details, 'an event is skipped: it could not be handled five times');
    this.skipped = event.id;
    this.pause(0);
  }

  private pause(milliseconds: number): void {
    if (this.stopping) return;
    this.pausedUntil = performance.now() + milliseconds;
    this.alarm.set(milliseconds);
  }
}

/** Rolled back by the server for reasons other than the statement, out of resources, or out of reach. */
function isOfSurroundings(error: unknown): boolean {
  if (error instanceof OperationalError || isUnreachable(error)) return true;
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return typeof code === 'string'
    ? /^(40|53|57)\w{3}$|^55P03$/.test(code)
    : typeof message === 'string' && message.startsWith('Connection terminated');
}
