import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Settings, serves } from '../../../kernel/config/index.js';
import { Database, type DatabaseScope } from '../../../kernel/database/index.js';
import { QUEUE_NAMES, type QueueName } from '../../../kernel/queue/index.js';
import { Hub } from '../../../kernel/realtime/index.js';
import { DispatchRepository } from './dispatch.repository.js';
import { FairTurns } from './fair-turns.js';
import { WorkersRepository } from './workers.repository.js';

/** Hub topic: how far a process has come. */
const TURNS_TOPIC = 'job-turns';
const TELL_EVERY_MS = 250;
/** As many as fit into one message. */
const MOST_TOLD = 60;

const message = z.object({ lanes: z.array(z.tuple([z.string(), z.number().int(), z.number().int()])) });

/**
 * What dispatching processes know of each other: how far the lanes have come, and how much work the workers take
 * side by side. By message a few times a second, and from the database once a second, where it survives a time in
 * which no process runs.
 */
@Injectable()
export class TurnExchange {
  private readonly scope: DatabaseScope;
  private readonly ownSlots: number;
  private slots: ReadonlyMap<string, number> = new Map();
  private toldAt = -Infinity;
  private unsubscribe: () => void = () => undefined;

  constructor(
    settings: Settings,
    database: Database,
    private readonly repository: DispatchRepository,
    private readonly workers: WorkersRepository,
    private readonly turns: FairTurns,
    private readonly hub: Hub,
  ) {
    this.scope = database.system('job dispatch');
    this.ownSlots = serves(settings, 'worker') ? settings.workerConcurrency : 0;
  }

  begin(): void {
    this.unsubscribe = this.hub.subscribe(TURNS_TOPIC, (received) => {
      const told = message.safeParse(received);
      for (const [lane, priority, turn] of told.data?.lanes ?? []) this.turns.heard({ lane, priority, turn });
    });
  }

  async end(): Promise<void> {
    this.unsubscribe();
    await this.refresh();
  }

  /** Hints that all living workers of the queue handle side by side, as of about a second ago. */
  slotsOf(queue: QueueName): number {
    return Math.max(this.slots.get(queue) ?? 0, this.ownSlots);
  }

  /** Which part of them is this process's. */
  shareOf(queue: QueueName): number {
    return this.ownSlots / Math.max(1, this.slotsOf(queue));
  }

  /** To be called after dispatching, however often. */
  tell(now: number): void {
    if (now - this.toldAt < TELL_EVERY_MS) return;
    const lanes = this.turns.news().map(({ lane, priority, turn }) => [lane, priority, turn]);
    if (lanes.length === 0) return;
    this.toldAt = now;
    for (let from = 0; from < lanes.length; from += MOST_TOLD)
      this.hub.publish(TURNS_TOPIC, { lanes: lanes.slice(from, from + MOST_TOLD) });
  }

  async refresh(): Promise<void> {
    const { read } = this.scope;
    const stored = await this.repository.turns(read);
    const keyOf = ({ lane, priority }: { lane: string; priority: number }) => `${priority} ${lane}`;
    const storedTurns = new Map(stored.map((one) => [keyOf(one), one.turn]));
    for (const one of stored) this.turns.heard(one);
    const ahead = this.turns.all().filter((one) => one.turn > (storedTurns.get(keyOf(one)) ?? 0));
    if (ahead.length > 0) await this.repository.saveTurns(read, ahead);
    this.slots = await this.workers.slots(read);
  }
}

export const isQueueName = (name: unknown): name is QueueName => QUEUE_NAMES.some((one) => one === name);
