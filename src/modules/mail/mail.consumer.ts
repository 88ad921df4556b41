import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { Tx } from '../../kernel/database/index.js';
import { EventConsumer, EventDelivery, type StoredEvent } from '../../kernel/realtime/index.js';
import { JobsService } from '../jobs/index.js';
import { MAILED_EVENTS, jobIdOf, mailsOf } from './mail-of-event.js';
import { sendMail } from './send-mail.job.js';

const ACTOR = { type: 'system', name: 'mail' } as const;

/**
 * Turns events into jobs that send mails, in the transaction that carries the consumer's progress: each mail is one
 * job, and what the network does to it is the matter of the job engine.
 */
@Injectable()
export class MailConsumer extends EventConsumer implements OnModuleInit {
  readonly name = 'mail';
  readonly types = MAILED_EVENTS;

  constructor(
    private readonly delivery: EventDelivery,
    private readonly jobs: JobsService,
  ) {
    super();
  }

  onModuleInit(): void {
    this.delivery.register(this);
  }

  async handle(tx: Tx, events: readonly StoredEvent[]): Promise<void> {
    for (const event of events)
      for (const { mail } of mailsOf(event)) {
        const payload = { mail, eventId: event.id };
        await this.jobs.createIn(tx, ACTOR, { id: jobIdOf(event.id, mail), type: sendMail.name, payload });
      }
  }
}
