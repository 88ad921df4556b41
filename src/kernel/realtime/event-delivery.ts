import {
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Settings, serves } from '../config/index.js';
import { Database } from '../database/index.js';
import { Log } from '../log/index.js';
import { ConsumerLoop } from './consumer-loop.js';
import type { EventConsumer } from './event-consumer.js';
import { EventCursorsRepository } from './event-cursors.repository.js';
import { EVENTS_TOPIC } from './events.js';
import { EventsRepository } from './events.repository.js';
import { Hub } from './hub.js';

/** The doorbell may be lost; this is how late an event is at most handled then. */
const POLL_MS = 2_000;

/**
 * Brings stored events to the durable consumers, in processes with the worker role. Every process makes sure
 * that each consumer has its place, so that events recorded before the first worker runs are not missed.
 */
@Injectable()
export class EventDelivery implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly consumers = new Map<string, EventConsumer>();
  private loops: ConsumerLoop[] = [];
  private subscriptions: (() => void)[] = [];

  constructor(
    private readonly settings: Settings,
    private readonly database: Database,
    private readonly events: EventsRepository,
    private readonly cursors: EventCursorsRepository,
    private readonly hub: Hub,
    private readonly log: Log,
  ) {}

  /** To be called in `onModuleInit`. Throws for a name that is taken. */
  register(consumer: EventConsumer): void {
    if (this.consumers.has(consumer.name))
      throw new Error(`Two event consumers have the name ${consumer.name}`);
    this.consumers.set(consumer.name, consumer);
  }

  consumerNames(): readonly string[] {
    return [...this.consumers.keys()];
  }

  onModuleInit(): void {
    if (!serves(this.settings, 'worker')) return;
    this.subscriptions = [
      this.hub.subscribe(EVENTS_TOPIC, () => this.trigger()),
      this.hub.onReconnect(() => this.trigger()),
    ];
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.database.system('event delivery').tx(async (tx) => {
      const adopted = await this.cursors.adoptForeign(tx);
      if (adopted > 0)
        this.log.area('events').warn({ events: adopted }, 'events of another server were renumbered');
      // In one order everywhere: processes that start together would deadlock otherwise.
      for (const name of [...this.consumers.keys()].toSorted()) await this.cursors.ensure(tx, name);
    });
    if (!serves(this.settings, 'worker')) return;
    const log = this.log.area('events');
    const scope = this.database.system('event delivery');
    this.loops = [...this.consumers.values()].map(
      (consumer) => new ConsumerLoop(consumer, scope, this.events, this.cursors, log),
    );
    this.trigger();
  }

  /** Before the database closes; the batch under way is finished. */
  async beforeApplicationShutdown(): Promise<void> {
    for (const unsubscribe of this.subscriptions) unsubscribe();
    await Promise.all(this.loops.map((loop) => loop.stop()));
  }

  @Interval(POLL_MS)
  trigger(): void {
    for (const loop of this.loops) loop.trigger();
  }
}
