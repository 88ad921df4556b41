import { type Redis, RedisConnections } from '../redis/index.js';
import type { HubTransport, TransportEvents } from './hub-transport.js';

const PROBE_MS = 10_000;

/**
 * Redis pub/sub. Its channels ignore the database number, so the installation is part of the channel's name: two
 * of them on one server do not hear each other.
 */
export class RedisTransport implements HubTransport {
  readonly maxBytes = 1_048_576;
  readonly intervalMs = 0;
  private readonly channel: string;
  private publisher: Redis | null = null;
  private subscriber: Redis | null = null;
  private everConnected = false;
  private subscribed = false;
  private probe: NodeJS.Timeout | undefined;

  constructor(
    private readonly connections: RedisConnections,
    installation: string,
  ) {
    this.channel = `${installation}:hub`;
  }

  get connected(): boolean {
    return this.subscribed;
  }

  async start(events: TransportEvents): Promise<void> {
    const publisher = this.connections.open('producer');
    const subscriber = this.connections.open('pubsub');
    this.publisher = publisher;
    this.subscriber = subscriber;
    subscriber.on('message', (_channel: string, payload: string) => events.received(payload));
    subscriber.on('close', () => (this.subscribed = false));
    this.probe = setInterval(() => void this.check(subscriber), PROBE_MS).unref();
    await Promise.all([
      new Promise<void>((attempted) => {
        subscriber.on('ready', () => void this.listen(subscriber, events).finally(attempted));
        subscriber.once('close', attempted);
      }),
      new Promise<void>((attempted) => {
        publisher.once('ready', attempted);
        publisher.once('close', attempted);
      }),
    ]);
  }

  async send(payloads: readonly string[]): Promise<void> {
    // Waiting for a connection would only deliver late what is worth nothing late.
    if (this.publisher?.status !== 'ready') throw new Error('not connected to Redis');
    const pipeline = this.publisher.pipeline();
    for (const payload of payloads) pipeline.publish(this.channel, payload);
    const failed = (await pipeline.exec())?.find(([error]) => error)?.[0];
    if (failed) throw failed;
  }

  async stop(): Promise<void> {
    clearInterval(this.probe);
    this.subscriber?.disconnect();
    this.publisher?.disconnect();
    this.subscriber = this.publisher = null;
    this.subscribed = false;
  }

  private async listen(subscriber: Redis, events: TransportEvents): Promise<void> {
    try {
      await subscriber.subscribe(this.channel);
    } catch {
      if (this.subscriber === subscriber) subscriber.disconnect(true);
      return;
    }
    // Before the news: who is told that messages were missed may look whether none are missed any more.
    this.subscribed = true;
    if (this.everConnected) events.reconnected();
    this.everConnected = true;
  }

  /** A connection whose other end vanished without a word looks idle for hours; only asking shows it. */
  private async check(subscriber: Redis): Promise<void> {
    if (subscriber.status !== 'ready') return;
    try {
      await subscriber.ping();
    } catch {
      if (this.subscriber === subscriber) subscriber.disconnect(true);
    }
  }
}
