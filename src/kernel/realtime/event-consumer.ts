import type { Tx } from '../database/index.js';
import type { StoredEvent } from './event.js';

/**
 * Something that must happen for every event of some types, for example a notification.
 *
 * `handle` is given the events in their order and writes through `tx`, which also carries the consumer's
 * progress: both commit together, so effects on the database happen exactly once. Effects elsewhere would happen
 * at least once; let a job do them. An error is retried; an event that fails alone five times is skipped with an
 * error in the log.
 */
export abstract class EventConsumer {
  /** Key of its progress: never change it, or the consumer starts anew. */
  abstract readonly name: string;
  abstract readonly types: readonly string[];
  /** Whether it is also told of events whose data say `quiet`: what nobody needs to be told of one by one. */
  readonly hearsQuiet: boolean = true;
  /** Only of events whose data have a value under this name, so that the others are not even read; null: of all. */
  readonly onlyWith: string | null = null;
  abstract handle(tx: Tx, events: readonly StoredEvent[]): Promise<void>;
}
