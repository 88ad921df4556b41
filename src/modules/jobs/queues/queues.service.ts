import { Injectable } from '@nestjs/common';
import type { UserActor } from '../../../kernel/auth/index.js';
import { Database } from '../../../kernel/database/index.js';
import { QUEUE_NAMES } from '../../../kernel/queue/index.js';
import { QueuePausesRepository } from './queue-pauses.repository.js';
import { toPauseView } from './queue-pauses.js';
import { QueuesRepository, type WorkerRow } from './queues.repository.js';
import type { QueueView, WorkerView } from './queues.schema.js';

/** Beyond this a depth is no longer counted while somebody waits for the answer. */
const COUNTED = 10_000;

/** Queues and workers as operators see them. */
@Injectable()
export class QueuesService {
  constructor(
    private readonly database: Database,
    private readonly queues: QueuesRepository,
    private readonly pauses: QueuePausesRepository,
  ) {}

  async list(actor: UserActor): Promise<QueueView[]> {
    const { read } = this.database.as(actor);
    const [now, waiting, inFlight, served, pauses] = await Promise.all([
      this.queues.now(read),
      this.queues.waiting(read, QUEUE_NAMES, COUNTED + 1),
      this.queues.inFlight(read),
      this.queues.served(read),
      this.pauses.all(read),
    ]);
    const of = <T extends { readonly queue: string }>(rows: readonly T[], name: string): T | undefined =>
      rows.find(({ queue }) => queue === name);
    return QUEUE_NAMES.map((name) => {
      const { due = 0, later = 0, oldestDueAt = null } = of(waiting, name) ?? {};
      const { queued = 0, running = 0 } = of(inFlight, name) ?? {};
      const { workers = 0, slots = 0 } = of(served, name) ?? {};
      const pause = of(pauses, name);
      return {
        name,
        depth: { due, later, queued, running, exact: due <= COUNTED && later <= COUNTED },
        oldestWaitingSeconds: oldestDueAt && Math.max(0, (now.getTime() - oldestDueAt.getTime()) / 1000),
        workers,
        slots,
        paused: pause ? toPauseView(pause) : null,
      };
    });
  }

  async get(actor: UserActor, name: string): Promise<QueueView> {
    const queue = (await this.list(actor)).find((one) => one.name === name);
    if (!queue) throw new Error(`the queue ${name} vanished`);
    return queue;
  }

  async workers(actor: UserActor): Promise<WorkerView[]> {
    return (await this.queues.workers(this.database.as(actor).read)).map(toWorkerView);
  }
}

function toWorkerView({
  id,
  hostname,
  pid,
  queues,
  slots,
  running,
  alive,
  startedAt,
  beatAt,
}: WorkerRow): WorkerView {
  return {
    id,
    hostname,
    pid,
    queues,
    slots,
    running,
    state: alive ? 'alive' : 'silent',
    startedAt: startedAt.toISOString(),
    lastBeatAt: beatAt.toISOString(),
  };
}
