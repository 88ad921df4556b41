import { comparePositions, parseCursor, type Position } from './cursor.js';
import type { StoredEvent } from './event.js';
import type { SseStream } from './sse.js';

const PAGE = 200;
/** Live events kept while the past is being read; when there are more the past is read once again. */
const MAX_WAITING = 256;

/** Stored events behind a position, oldest first. */
export type ReadPast = (after: Position, limit: number) => Promise<readonly StoredEvent[]>;

/**
 * Sends one client its events, each once and in order, first those stored since its last event id and then the
 * live ones. The live ones must already be handed to `offer` while `catchUp` reads, so none falls between.
 */
export class EventFeed {
  private stream: SseStream | null = null;
  private live = false;
  private waiting: StoredEvent[] = [];
  private overlooked = false;

  /** A live event. */
  offer(event: StoredEvent): void {
    if (this.live) this.deliver(event);
    else if (this.waiting.length < MAX_WAITING) this.waiting.push(event);
    else this.overlooked = true;
  }

  /** Whether the past has been sent. */
  get isLive(): boolean {
    return this.live;
  }

  private last: Position = { xid: 0n, seq: 0n };

  /**
   * Sends what lies between `from` and now, as fast as the client takes it, and then what `offer` brings.
   * `horizon` is a position that the events of now lie behind, read after the live events began to come.
   */
  async catchUp(stream: SseStream, from: Position, horizon: Position, past: ReadPast): Promise<void> {
    this.stream = stream;
    this.last = from;
    do {
      this.overlooked = false;
      this.waiting = [];
      await this.sendPast(stream, past);
    } while (this.overlooked && !stream.closed);
    // So that a client to whom nothing newer was told can resume from here too.
    if (comparePositions(this.last, horizon) <= 0) {
      this.last = horizon;
      stream.send({ id: `${horizon.xid}-${horizon.seq}` });
    }
    this.live = true;
    for (const event of this.waiting.splice(0)) this.deliver(event);
  }

  private async sendPast(stream: SseStream, past: ReadPast): Promise<void> {
    let page: readonly StoredEvent[];
    do {
      page = await past(this.last, PAGE);
      for (const event of page) this.deliver(event);
      await stream.drained();
    } while (page.length === PAGE && !stream.closed);
  }

  private deliver(event: StoredEvent): void {
    const position = parseCursor(event.cursor)!;
    if (comparePositions(position, this.last) <= 0) return;
    this.last = position;
    const { id, channel, subjectId, createdAt } = event;
    this.stream?.send({
      event: event.type,
      id: event.cursor,
      data: { ...event.data, id, channel, subjectId, createdAt },
    });
  }
}
