import { Injectable, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Database } from '../database/index.js';
import { Log } from '../log/index.js';
import { SingleFlight, jitteredPause } from '../time/index.js';
import { Alarm } from './alarm.js';
import { parseCursor, type Position } from './cursor.js';
import type { StoredEvent } from './event.js';
import { EVENTS_TOPIC } from './events.js';
import { EventsRepository, type EventFilter } from './events.repository.js';
import { Hub } from './hub.js';

const POLL_MS = 1_000;
const PAGE = 500;

interface Subscription {
  readonly channels: ReadonlySet<string> | null;
  readonly subjectId: string | null;
  readonly listener: (event: StoredEvent) => void;
}

/** One stretch of following the table, from the first subscriber to the last. */
interface Reading {
  position: Position | null;
  started: Promise<void>;
}

/** Key of those who see everybody's events. */
const EVERYBODY = '*';

/**
 * Live events of this process: one reader follows the table, while anybody listens, and hands each event to the
 * subscribers it concerns. Nothing is skipped and the order is that of the table; what was committed just before
 * a subscription may be told too, so a subscriber that minds compares cursors.
 */
@Injectable()
export class EventTail implements OnModuleInit, BeforeApplicationShutdown {
  private readonly subscribers = new Map<string, Set<Subscription>>();
  private reading: Reading | null = null;
  private readonly flight: SingleFlight;
  private readonly alarm = new Alarm(() => this.wake());
  private readonly log: Log;
  private heldChecks = 0;
  private failing = false;

  constructor(
    private readonly database: Database,
    private readonly events: EventsRepository,
    private readonly hub: Hub,
    log: Log,
  ) {
    this.log = log.area('events');
    this.flight = new SingleFlight(
      () => this.read(),
      (error) => {
        if (!this.failing) this.log.warn({ err: error }, 'live events cannot be read');
        this.failing = true;
      },
    );
  }

  onModuleInit(): void {
    this.hub.subscribe(EVENTS_TOPIC, () => this.wake());
    this.hub.onReconnect(() => this.wake());
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.alarm.clear();
    await this.flight.stop();
  }

  /**
   * Resolves, with the function that ends it, when the subscription is in force: every event committed from then
   * on reaches `listener`. Rejects when the database is out of reach.
   */
  async subscribe(filter: EventFilter, listener: (event: StoredEvent) => void): Promise<() => void> {
    const key = filter.userId ?? EVERYBODY;
    const subscription: Subscription = {
      channels: filter.channels ? new Set(filter.channels) : null,
      subjectId: filter.subjectId ?? null,
      listener,
    };
    const group = this.subscribers.get(key) ?? new Set();
    this.subscribers.set(key, group);
    group.add(subscription);
    const unsubscribe = () => {
      group.delete(subscription);
      if (group.size === 0 && this.subscribers.get(key) === group) this.subscribers.delete(key);
      if (this.subscribers.size === 0) this.reading = null;
    };
    try {
      await this.startReading();
    } catch (error) {
      unsubscribe();
      throw error;
    }
    return unsubscribe;
  }

  /** Stored events behind `cursor`, oldest first, at most `limit`; empty for a malformed cursor. */
  async since(cursor: string, filter: EventFilter, limit: number): Promise<StoredEvent[]> {
    const after = parseCursor(cursor);
    return after ? this.events.read(this.database.system('event streams').read, after, limit, filter) : [];
  }

  @Interval(POLL_MS)
  wake(): void {
    if (this.reading) this.flight.trigger();
  }

  private startReading(): Promise<void> {
    if (!this.reading) {
      const reading: Reading = { position: null, started: Promise.resolve() };
      reading.started = this.findStart(reading);
      this.reading = reading;
    }
    return this.reading.started;
  }

  private async findStart(reading: Reading): Promise<void> {
    try {
      reading.position = await this.events.horizon(this.database.system('event streams').read);
    } catch (error) {
      if (this.reading === reading) this.reading = null;
      throw error;
    }
    // A doorbell that rang meanwhile found no position to read from.
    this.wake();
  }

  private async read(): Promise<void> {
    const { reading } = this;
    if (!reading) return;
    while (await this.readPage(reading));
    // Nobody rings when the older transaction that holds events back ends.
    if (
      this.reading === reading &&
      (await this.events.hasHeldBack(this.database.system('event streams').read))
    )
      this.alarm.set(jitteredPause(this.heldChecks++, 20, 500));
  }

  /** Whether more is to be read at once. */
  private async readPage(reading: Reading): Promise<boolean> {
    if (!reading.position) return false;
    const page = await this.events.read(this.database.system('event streams').read, reading.position, PAGE);
    this.failing = false;
    const last = page.at(-1);
    if (!last || this.reading !== reading) return false;
    reading.position = parseCursor(last.cursor)!;
    this.heldChecks = 0;
    for (const event of page) this.tell(event);
    return page.length === PAGE;
  }

  private tell(event: StoredEvent): void {
    for (const key of event.userId === null ? [EVERYBODY] : [EVERYBODY, event.userId])
      for (const { channels, subjectId, listener } of this.subscribers.get(key) ?? []) {
        if (channels && !channels.has(event.channel)) continue;
        if (subjectId !== null && subjectId !== event.subjectId) continue;
        try {
          listener(event);
        } catch (error) {
          this.log.error({ err: error }, 'a listener threw');
        }
      }
  }
}
