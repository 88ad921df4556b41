import { Injectable } from '@nestjs/common';
import type { Read, Tx } from '../database/index.js';
import type { NewEvent, StoredEvent } from './event.js';
import { EventsRepository } from './events.repository.js';
import { Hub } from './hub.js';

/** Hub topic that says "there are new events"; its messages carry nothing. */
export const EVENTS_TOPIC = 'events';

/**
 * Where a statement puts the events of what it does itself: `with done as (update …) insert into ${INTO_EVENTS}
 * select …`. For hot statements, which then need no further round trip; whoever runs one calls `Events.announce`.
 */
export const INTO_EVENTS = 'events (id, type, channel, user_id, subject_id, data)';

/**
 * The door for recording events. They are stored in the caller's transaction, so an event exists exactly when
 * what it tells of was committed; every durable consumer then sees it once, streams see it soon after.
 */
@Injectable()
export class Events {
  constructor(
    private readonly events: EventsRepository,
    private readonly hub: Hub,
  ) {}

  /** One statement for all of them, in their order. Does nothing for an empty list. */
  async record(tx: Tx, events: readonly NewEvent[]): Promise<void> {
    if (events.length === 0) return;
    await this.events.append(tx, events);
    tx.afterCommit(() => this.announce());
  }

  /** Rings for events that were committed by other means (`INTO_EVENTS`). */
  announce(): void {
    this.hub.publish(EVENTS_TOPIC, {});
  }

  /** One of them; null when there is none (any more). */
  async find(read: Read, id: string): Promise<StoredEvent | null> {
    return this.events.find(read, id);
  }

  /** For a person who is erased. Consumers and streams that have not come so far never see what is gone. */
  async forget(tx: Tx, userId: string): Promise<void> {
    await this.events.removeOf(tx, userId);
  }
}
