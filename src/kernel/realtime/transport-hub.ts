import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { newId } from '../database/index.js';
import { Log } from '../log/index.js';
import { Coalescer } from './coalescer.js';
import { encodeMessage, fits, pack, unpack } from './envelope.js';
import { Hub, type HubListener } from './hub.js';
import type { HubTransport } from './hub-transport.js';

/** The hub over one transport. */
@Injectable()
export class TransportHub extends Hub implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly processId = newId();
  private readonly topics = new Map<string, Set<HubListener>>();
  private readonly reconnectListeners = new Set<() => void>();
  private readonly outgoing: Coalescer<string>;
  private readonly log: Log;
  private failing = false;

  constructor(
    private readonly transport: HubTransport,
    log: Log,
  ) {
    super();
    this.log = log.area('hub');
    this.outgoing = new Coalescer(
      (batch) => this.send(batch),
      transport.intervalMs,
      (error, lost) => this.reportLoss(error, lost),
    );
  }

  get connected(): boolean {
    return this.transport.connected;
  }

  onApplicationBootstrap(): Promise<void> {
    return this.start();
  }

  /** The last phase of a shutdown: what other parts publish while they end still goes out. */
  onApplicationShutdown(): Promise<void> {
    return this.stop();
  }

  start(): Promise<void> {
    return this.transport.start({
      received: (payload) => this.receive(payload),
      reconnected: () => {
        for (const listener of this.reconnectListeners) this.guarded(listener);
      },
    });
  }

  async stop(): Promise<void> {
    await this.outgoing.drain();
    await this.transport.stop();
  }

  publish(topic: string, message: object): void {
    const encoded = encodeMessage(topic, message);
    if (fits(encoded, this.transport.maxBytes)) this.outgoing.add(encoded);
    else this.log.warn({ topic, bytes: Buffer.byteLength(encoded) }, 'message too large for other processes');
    this.deliver(topic, message);
  }

  subscribe(topic: string, listener: HubListener): () => void {
    const listeners = this.topics.get(topic) ?? new Set();
    this.topics.set(topic, listeners);
    // Wrapped, so that the same function subscribed twice is two subscriptions.
    const own: HubListener = (message) => listener(message);
    listeners.add(own);
    return () => {
      listeners.delete(own);
      if (listeners.size === 0 && this.topics.get(topic) === listeners) this.topics.delete(topic);
    };
  }

  onReconnect(listener: () => void): () => void {
    const own = () => listener();
    this.reconnectListeners.add(own);
    return () => void this.reconnectListeners.delete(own);
  }

  private async send(batch: readonly string[]): Promise<void> {
    await this.transport.send(pack(this.processId, batch, this.transport.maxBytes));
    this.failing = false;
  }

  private receive(payload: string): void {
    const envelope = unpack(payload);
    if (!envelope) {
      this.log.warn({ payload: payload.slice(0, 200) }, 'not a message of ours');
      return;
    }
    if (envelope.from === this.processId) return;
    for (const [topic, message] of envelope.messages) this.deliver(topic, message);
  }

  private deliver(topic: string, message: object): void {
    for (const listener of this.topics.get(topic) ?? []) this.guarded(() => listener(message));
  }

  private guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.log.error({ err: error }, 'a listener threw');
    }
  }

  /** One line an outage: losing messages is allowed, flooding the log is not. */
  private reportLoss(error: unknown, lost: number): void {
    if (!this.failing) this.log.warn({ reason: (error as Error).message, lost }, 'messages were not sent');
    this.failing = true;
  }
}
