import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { UserActor } from '../auth/index.js';
import { Database } from '../database/index.js';
import { Log } from '../log/index.js';
import { formatCursor, parseCursor, type Position } from './cursor.js';
import { EventFeed } from './event-feed.js';
import { EventTail } from './event-tail.js';
import { EventsRepository, type EventFilter } from './events.repository.js';
import { Hub } from './hub.js';
import { LIVE_TOPIC, asLiveEvent } from './live-event.js';
import { openSse, type SseStream } from './sse.js';
import { SseRegistry } from './sse-registry.js';

interface Client {
  readonly filter: EventFilter;
  readonly feed: EventFeed;
  readonly stream: SseStream;
}

interface Start {
  readonly from: Position;
  readonly horizon: Position;
  /** Something between the client's last event and the first it will be told is gone. */
  readonly gap: boolean;
}

/** Event streams of `GET /api/events`. */
@Injectable()
export class EventStreams implements OnModuleInit {
  private readonly clients = new Set<Client>();
  private readonly log: Log;

  constructor(
    private readonly database: Database,
    private readonly events: EventsRepository,
    private readonly tail: EventTail,
    private readonly hub: Hub,
    private readonly registry: SseRegistry,
    log: Log,
  ) {
    this.log = log.area('events');
  }

  onModuleInit(): void {
    this.hub.subscribe(LIVE_TOPIC, (message) => this.showLive(message));
  }

  /**
   * Opens a stream of the events that match. With the id of the last event the client has seen it goes on from
   * there; when that is not possible without loss, `event: gap` comes first. Resolves when the stream is live.
   */
  async open(
    actor: UserActor,
    filter: EventFilter,
    lastEventId: string | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    this.registry.refuseWhileDraining();
    const feed = new EventFeed();
    // Live events first, then the past: an event committed between the two is seen by both and told once.
    const unsubscribe = await this.tail.subscribe(filter, (event) => feed.offer(event));
    let start: Start;
    let stream: SseStream;
    try {
      start = await this.startOf(lastEventId);
      stream = openSse(actor, request, reply, this.registry);
    } catch (error) {
      unsubscribe();
      throw error;
    }
    const client: Client = { filter, feed, stream };
    this.clients.add(client);
    stream.onClose(() => {
      unsubscribe();
      this.clients.delete(client);
    });
    if (start.gap) stream.send({ event: 'gap', data: { lastEventId } });
    await this.catchUp(client, start);
  }

  /** The status is sent already: a failure can only end the stream, and the client resumes where it was. */
  private async catchUp({ feed, stream, filter }: Client, { from, horizon }: Start): Promise<void> {
    try {
      await feed.catchUp(stream, from, horizon, (after, limit) =>
        this.tail.since(formatCursor(after), filter, limit),
      );
    } catch (error) {
      this.log.warn({ err: error }, 'an event stream could not be resumed');
      stream.close();
    }
  }

  private async startOf(lastEventId: string | undefined): Promise<Start> {
    const horizon = await this.events.horizon(this.database.system('event streams').read);
    if (lastEventId === undefined) return { from: horizon, horizon, gap: false };
    const from = parseCursor(lastEventId);
    const reach = from && (await this.events.reach(this.database.system('event streams').read, from));
    if (!from || reach === 'ahead') return { from: horizon, horizon, gap: true };
    return { from, horizon, gap: reach === 'dropped' };
  }

  /** To its user, and to admins who watch everybody. Left out for a client that is behind. */
  private showLive(message: object): void {
    const event = asLiveEvent(message);
    if (!event) return;
    const { type, channel, userId, subjectId, data } = event;
    for (const { filter, feed, stream } of this.clients) {
      if (filter.userId !== undefined && filter.userId !== userId) continue;
      if (filter.channels && !filter.channels.includes(channel)) continue;
      if (!feed.isLive || stream.backlogged) continue;
      stream.send({ event: type, data: { ...data, channel, subjectId } });
    }
  }
}
