import { Injectable } from '@nestjs/common';
import { hostname } from 'node:os';
import { Database, newId, type DatabaseScope } from '../../../kernel/database/index.js';
import { SchedulersRepository, type SchedulerIdentity } from './schedulers.repository.js';

const BEAT_EVERY_MS = 5_000;
const FORGET_AFTER_SECONDS = 24 * 3600;

/**
 * The beat of this process as a scheduler. It says "I have looked at what is due", not "I am alive": it is made by the
 * tick after its work, so one that hangs, or whose statements fail, falls silent like one that is dead. It is not
 * taken back when the process ends, because the last beat of all says since when nobody has looked.
 */
@Injectable()
export class SchedulerBeat {
  private readonly scope: DatabaseScope;
  private readonly identity: SchedulerIdentity = { id: newId(), hostname: hostname(), pid: process.pid };
  private next = -Infinity;

  constructor(
    database: Database,
    private readonly schedulers: SchedulersRepository,
  ) {
    this.scope = database.system('scheduler');
  }

  /** At most every five seconds; the first one also forgets others that have been gone for a day. */
  async beat(): Promise<void> {
    if (performance.now() < this.next) return;
    const isFirst = this.next === -Infinity;
    await this.schedulers.beat(this.scope.read, this.identity);
    this.next = performance.now() + BEAT_EVERY_MS;
    if (isFirst) await this.schedulers.forgetSilent(this.scope.read, FORGET_AFTER_SECONDS);
  }
}
