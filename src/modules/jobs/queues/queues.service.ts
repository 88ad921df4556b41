import { Injectable } from '@nestjs/common';
import type { UserActor } from '../../../kernel/auth/index.js';
import { databaseNow, Database } from '../../../kernel/database/index.js';
import { QUEUE_NAMES } from '../../../kernel/queue/index.js';
import { JobDepthsRepository } from '../stats/job-depths.repository.js';
import { JobMinutesRepository } from '../stats/job-minutes.repository.js';
import { QueuePausesRepository } from './queue-pauses.repository.js';
import { toPauseView } from './queue-pauses.js';
import { QueuesRepository, type WorkerRow } from './queues.repository.js';
import type { QueueView, WorkerView } from './queues.schema.js';

/** Beyond this a depth is no longer counted while somebody waits for the answer. */
const COUNTED = 10_000;
/** Whole minutes that the rate is taken from. */
const RATE_MINUTES = 5;

/** Queues and workers as operators see them. */
@Injectable()
export class QueuesService {
  constructor(
    private readonly database: Database,
    private readonly queues: QueuesRepository,
    private readonly pauses: QueuePausesRepository,
    private readonly depths: JobDepthsRepository,
    private readonly minutes: JobMinutesRepository,
  ) {}

  async list(actor: UserActor): Promise<QueueView[]> {
    const scope = this.database.as(actor);
    const { read } = scope;
    const [now, waiting, inFlight, served, pauses, sampled, ended] = await Promise.all([
      databaseNow(read),
      scope.tx((tx) => this.queues.waiting(tx, QUEUE_NAMES, COUNTED + 1)),
      this.queues.inFlight(read),
      this.queues.served(read),
      this.pauses.all(read),
      this.depths.latest(read),
      this.minutes.endedLately(read, RATE_MINUTES),
    ]);
    const of = <T extends { readonly queue: string }>(rows: readonly T[], name: string): T | undefined =>
      rows.find(({ queue }) => queue === name);
    return QUEUE_NAMES.map((name) => {
      const { due: counted = 0, later: countedLater = 0, oldestDueAt = null } = of(waiting, name) ?? {};
      const sample = of(sampled, name);
      const due = depthOf(counted, sample?.due);
      const later = depthOf(countedLater, sample?.later);
      const { queued = 0, running = 0 } = of(inFlight, name) ?? {};
      const { workers = 0, slots = 0 } = of(served, name) ?? {};
      const pause = of(pauses, name);
      return {
        name,
        depth: { due, later, queued, running, exact: counted <= COUNTED && countedLater <= COUNTED },
        oldestWaitingSeconds: oldestDueAt && Math.max(0, (now.getTime() - oldestDueAt.getTime()) / 1000),
        workers,
        slots,
        endedPerMinute: (of(ended, name)?.jobs ?? 0) / RATE_MINUTES,
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

/** Where the count came to its bound, the latest one of the time series, which is of all. */
const depthOf = (counted: number, sampled: number | undefined): number =>
  counted <= COUNTED ? counted : Math.max(counted, sampled ?? 0);
