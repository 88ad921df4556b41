import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { UserActor } from '../../kernel/auth/index.js';
import {
  EventTail,
  Hub,
  LIVE_TOPIC,
  SseRegistry,
  asLiveEvent,
  openSse,
  type SseStream,
} from '../../kernel/realtime/index.js';
import { hasEnded } from './engine/job-status.js';
import { JOB_ENDED_EVENTS, JOB_LOG_TOPIC, JOB_PROGRESS, type JobLogMessage } from './jobs.events.js';
import type { JobView } from './jobs.schema.js';
import { JobsService } from './jobs.service.js';

/**
 * One job as a live stream. Subscribes before it reads the row, so nothing falls between the snapshot and what
 * follows. `progress` and `log` are live only: a client that reconnects gets a fresh snapshot. The stream ends
 * with `end`, which comes from the stored event and therefore always arrives.
 */
@Injectable()
export class JobStream {
  constructor(
    private readonly jobs: JobsService,
    private readonly hub: Hub,
    private readonly tail: EventTail,
    private readonly registry: SseRegistry,
  ) {}

  async follow(actor: UserActor, id: string, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    await this.jobs.get(actor, id); // 404 while it can still be told
    const stream = openSse(actor, request, reply, this.registry);
    const waiting: (() => void)[] = [];
    let deliver = (send: () => void): void => void waiting.push(send);
    const endings = await this.tail.subscribe({ channels: ['jobs'], subjectId: id }, (event) => {
      if (JOB_ENDED_EVENTS.some((type) => type === event.type))
        deliver(() => void this.end(actor, id, stream));
    });
    const live = this.subscribeLive(id, stream, (send) => deliver(send));
    stream.onClose(() => {
      endings();
      live();
    });
    const snapshot = await this.jobs.get(actor, id);
    stream.send({ event: 'snapshot', data: snapshot });
    if (hasEnded(snapshot.status)) return this.finish(stream, snapshot);
    deliver = (send) => send();
    for (const send of waiting) send();
  }

  private subscribeLive(id: string, stream: SseStream, deliver: (send: () => void) => void): () => void {
    const progress = this.hub.subscribe(LIVE_TOPIC, (message) => {
      const event = asLiveEvent(message);
      if (event?.type !== JOB_PROGRESS || event.subjectId !== id) return;
      deliver(() => stream.send({ event: 'progress', data: event.data }));
    });
    const logs = this.hub.subscribe(JOB_LOG_TOPIC, (message) => {
      const { jobId, ...data } = message as JobLogMessage;
      if (jobId === id) deliver(() => stream.send({ event: 'log', data }));
    });
    return () => {
      progress();
      logs();
    };
  }

  private async end(actor: UserActor, id: string, stream: SseStream): Promise<void> {
    const job = await this.jobs.get(actor, id).catch(() => null);
    if (job) this.finish(stream, job);
    else stream.close();
  }

  private finish(stream: SseStream, job: JobView): void {
    stream.send({ event: 'end', data: job });
    stream.close();
  }
}
