import {
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import type { UserActor } from '../../../kernel/auth/index.js';
import { Settings, serves } from '../../../kernel/config/index.js';
import { Database, yieldedToOthers, type Tx } from '../../../kernel/database/index.js';
import { UserError } from '../../../kernel/http/index.js';
import { Log } from '../../../kernel/log/index.js';
import { QUEUE_NAMES, type QueueName } from '../../../kernel/queue/index.js';
import { Hub } from '../../../kernel/realtime/index.js';
import { SingleFlight } from '../../../kernel/time/index.js';
import { AuditService } from '../../audit/index.js';
import { AccountHooks } from '../../users/index.js';
import { Dispatcher } from '../engine/dispatcher.js';
import { QueuePausesRepository, type QueuePause } from './queue-pauses.repository.js';
import type { PauseQueueBody, PauseView } from './queues.schema.js';

/** Hub topic: a queue was paused or resumed. */
export const QUEUE_CHANGED_TOPIC = 'queue-changed';

/** A pause and claims of the same jobs may wait for each other; the database then ends one of them. */
const TRIES = 5;

/**
 * Pauses and resumes queues. Exact, for all processes, from the commit on: nothing of a paused queue is dispatched,
 * and nothing that was dispatched before can start, because its row is pending again. Running jobs go on; jobs whose
 * time comes during the pause wait like the others.
 *
 * With `until` a queue goes on by itself at that instant, on the database's clock: dispatching looks at it, and the
 * row with its audit entry is cleared within some seconds.
 */
@Injectable()
export class QueuePauses implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly expiry: SingleFlight;
  private unsubscribe: () => void = () => undefined;

  constructor(
    private readonly settings: Settings,
    private readonly database: Database,
    private readonly pauses: QueuePausesRepository,
    private readonly audit: AuditService,
    private readonly hub: Hub,
    private readonly dispatcher: Dispatcher,
    private readonly hooks: AccountHooks,
    log: Log,
  ) {
    this.expiry = SingleFlight.held(
      () => this.expire(),
      (error) =>
        log.area('queues').warn({ err: error }, 'ended pauses could not be cleared, it is tried again'),
    );
  }

  onModuleInit(): void {
    this.hooks.register({
      module: 'jobs, paused queues',
      erased: (tx, userId) => this.pauses.forgetWho(tx, userId),
      exported: (userId) => [{ name: 'paused-queues', rows: this.exported(userId) }],
    });
  }

  onApplicationBootstrap(): void {
    this.unsubscribe = this.hub.subscribe(QUEUE_CHANGED_TOPIC, () => this.dispatcher.wake());
    if (serves(this.settings, 'worker', 'scheduler')) this.expiry.begin();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.unsubscribe();
    await this.expiry.stop();
  }

  @Interval(2_500)
  tick(): void {
    this.expiry.trigger();
  }

  /** Also changes the note and the end of a pause there is. */
  async pause(actor: UserActor, name: string, { note, until }: PauseQueueBody): Promise<void> {
    const queue = known(name);
    await this.inOneGo(actor, async (tx) => {
      await this.pauses.holdDispatches(tx, queue);
      const pausedUntil = until ?? null;
      if (!(await this.pauses.put(tx, { queue, pausedBy: actor.userId, note, pausedUntil })))
        throw UserError.field('/until', 'in_the_past', 'must be in the future');
      const takenBack = await this.pauses.takeBack(tx, queue);
      await this.audit.record(tx, {
        actor,
        action: 'queue.pause',
        resource: { type: 'queue', id: queue },
        details: { until: until?.toISOString() ?? null, takenBack },
      });
      this.tell(tx, queue);
    });
  }

  async resume(actor: UserActor, name: string): Promise<void> {
    const queue = known(name);
    await this.inOneGo(actor, async (tx) => {
      await this.pauses.holdDispatches(tx, queue);
      if (!(await this.pauses.end(tx, queue)))
        throw UserError.conflict('queue_not_paused', 'This queue is not paused.');
      await this.audit.record(tx, { actor, action: 'queue.resume', resource: { type: 'queue', id: queue } });
      this.tell(tx, queue);
    });
  }

  private async expire(): Promise<void> {
    const actor = { type: 'system', name: 'queue pauses' } as const;
    await this.database.system('queue pauses').tx(async (tx) => {
      for (const { queue, pausedUntil } of await this.pauses.expire(tx)) {
        await this.audit.record(tx, {
          actor,
          action: 'queue.resume',
          resource: { type: 'queue', id: queue },
          details: { until: pausedUntil.toISOString() },
        });
        this.tell(tx, queue);
      }
    });
  }

  private tell(tx: Tx, queue: string): void {
    tx.afterCommit(() => this.hub.publish(QUEUE_CHANGED_TOPIC, { queue }));
  }

  private async inOneGo(actor: UserActor, work: (tx: Tx) => Promise<void>): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.database.as(actor).tx(work);
      } catch (error) {
        if (tries >= TRIES || !yieldedToOthers(error)) throw error;
      }
    }
  }

  private async *exported(userId: string): AsyncIterable<object> {
    const pauses = await this.pauses.pausedBy(this.database.system('export').read, userId);
    for (const pause of pauses) yield { queue: pause.queue, ...toPauseView(pause) };
  }
}

export function toPauseView({ pausedBy, pausedAt, note, pausedUntil }: QueuePause): PauseView {
  return { by: pausedBy, at: pausedAt.toISOString(), note, until: pausedUntil?.toISOString() ?? null };
}

function known(name: string): QueueName {
  const queue = QUEUE_NAMES.find((one) => one === name);
  if (!queue) throw UserError.notFound('queue');
  return queue;
}
