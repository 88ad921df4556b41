import {
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import type { Actor } from '../../../kernel/auth/index.js';
import { Database, newId, type DatabaseScope, type Tx } from '../../../kernel/database/index.js';
import { Health } from '../../../kernel/health/index.js';
import { Log } from '../../../kernel/log/index.js';
import { Events } from '../../../kernel/realtime/index.js';
import { SingleFlight } from '../../../kernel/time/index.js';
import { AuditService } from '../../audit/index.js';
import { SCHEDULES_CHANNEL } from '../schedules.events.js';
import { CAUGHT_UP_SECONDS, troubleOf, type SchedulerState } from './judge.js';
import { SchedulersRepository } from './schedulers.repository.js';
import {
  SCHEDULER_RECOVERED,
  SCHEDULER_STALLED,
  type SchedulerRecoveredData,
  type SchedulerStalledData,
} from './watch.events.js';

const LOOK_EVERY_MS = 10_000;
/** So long a process must have seen the trouble: a machine that wakes up catches up first. */
const PATIENCE_MS = 5_000;
/** The same of one that has never seen all well: schedulers that are just being started are no incident. */
const PATIENCE_AT_FIRST_MS = 60_000;
const KEEP_INCIDENTS_DAYS = 365;
const ACTOR: Actor = { type: 'system', name: 'scheduler watch' };

/**
 * Sees that schedules are late or that no scheduler looks after them, from every process whatever its role, so that
 * the last scheduler cannot stop without anybody saying so: `/api/health` is degraded with the reason, and admins are
 * told once when it begins and once when it is over.
 *
 * It is told only when it has lasted while this process looked on: right after a start nobody has beaten yet, and what
 * was missed before is late for the moment that it takes to catch up.
 */
@Injectable()
export class SchedulerWatch implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly log: Log;
  private readonly scope: DatabaseScope;
  private readonly flight: SingleFlight;
  /** Since when every look has seen trouble. */
  private troubledSince: number | null = null;
  private patienceMs = PATIENCE_AT_FIRST_MS;

  constructor(
    private readonly schedulers: SchedulersRepository,
    private readonly health: Health,
    private readonly events: Events,
    private readonly audit: AuditService,
    database: Database,
    log: Log,
  ) {
    this.log = log.area('scheduler');
    this.scope = database.system('scheduler watch');
    this.flight = SingleFlight.held(
      () => this.look(),
      (error) => this.log.warn({ err: error }, 'nobody knows whether schedules are late, it is looked again'),
    );
  }

  onModuleInit(): void {
    const check = async (): Promise<string | undefined> => troubleOf(await this.state()) ?? undefined;
    this.health.register({ name: 'scheduler', vital: false, check });
  }

  onApplicationBootstrap(): void {
    this.flight.begin();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.flight.stop();
  }

  @Interval(LOOK_EVERY_MS)
  tick(): void {
    this.flight.trigger();
  }

  /** Whoever of many processes comes first tells it; the others find that it has been told. */
  async look(now = performance.now()): Promise<void> {
    const state = await this.state();
    const trouble = troubleOf(state);
    if (trouble !== null) {
      this.troubledSince ??= now;
      if (now - this.troubledSince >= this.patienceMs) await this.begin(trouble);
      return;
    }
    this.troubledSince = null;
    if (troubleOf(state, CAUGHT_UP_SECONDS) === null) await this.end();
  }

  private async state(): Promise<SchedulerState> {
    const state = await this.schedulers.state(this.scope.read);
    if (troubleOf(state) === null) this.patienceMs = PATIENCE_MS;
    return state;
  }

  private async begin(reason: string): Promise<void> {
    if (await this.schedulers.isOpen(this.scope.read)) return;
    const id = newId();
    const data: SchedulerStalledData = { reason };
    const opened = await this.scope.tx(async (tx) => {
      if (!(await this.schedulers.open(tx, id, reason))) return false;
      await this.tell(tx, SCHEDULER_STALLED, id, data);
      return true;
    });
    if (opened) this.log.error({ incident: id, reason }, 'schedules are late');
  }

  private async end(): Promise<void> {
    if (!(await this.schedulers.isOpen(this.scope.read))) return;
    const closed = await this.scope.tx(async (tx) => {
      const incident = await this.schedulers.close(tx);
      if (!incident) return null;
      const data: SchedulerRecoveredData = { seconds: Math.round(incident.seconds) };
      await this.tell(tx, SCHEDULER_RECOVERED, incident.id, data);
      await this.schedulers.forgetEnded(tx, KEEP_INCIDENTS_DAYS);
      return incident;
    });
    if (closed) this.log.warn({ incident: closed.id }, 'schedules are on time again');
  }

  private async tell(tx: Tx, type: string, subjectId: string, data: object): Promise<void> {
    await this.events.record(tx, [{ type, channel: SCHEDULES_CHANNEL, userId: null, subjectId, data }]);
    const resource = { type: 'schedule_incident', id: subjectId };
    await this.audit.record(tx, { actor: ACTOR, action: type, resource, details: { ...data } });
  }
}
