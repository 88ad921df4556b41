import { Inject, Injectable } from '@nestjs/common';
import type { ProcessorHost } from './processor-host.js';
import type { HintHandler, QueueName } from './queues.js';

export const PROCESSOR_HOSTS = Symbol('processor hosts');

/** Every queue's worker in this process: idle until `begin`, none left after `finish`. */
@Injectable()
export class QueueHosts {
  constructor(@Inject(PROCESSOR_HOSTS) private readonly hosts: readonly ProcessorHost[]) {}

  begin(handler: HintHandler): void {
    for (const host of this.hosts) host.begin(handler);
  }

  /** Whether hints of this queue are fetched before there is somebody to handle them. */
  fetchAhead(queue: QueueName, ahead: boolean): void {
    for (const host of this.hosts) if (host.queue === queue) host.fetchAhead(ahead);
  }

  /** Takes no further hint and resolves when the ones being worked on have ended. */
  async finish(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.finish()));
  }
}
