import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Authenticator, credentialOf, type UserActor } from '../auth/index.js';
import { OperationalError } from '../http/errors.js';
import { Log } from '../log/index.js';
import { CredentialChanges, concerns, type CredentialChange } from './credential-changes.js';
import { SseStream } from './sse.js';

const HEARTBEAT_MS = 15_000;
const EARLIEST_RETURN_MS = 500;
const RETURN_SPREAD_MS = 4_500;

/**
 * Every open event stream of this process.
 *
 * Those end whose session or key has ended or whose user has another role: the rights were asked for when the stream
 * was opened, and it would go on with them for ever. It is looked at when such a change is announced, so at once, and
 * with each heartbeat, so within 15 seconds when the announcement got lost. While the database is away they go on.
 *
 * All end when a shutdown begins, because the server waits for open responses and would otherwise never stop; each
 * client is told another moment to come back.
 */
@Injectable()
export class SseRegistry implements OnModuleInit, OnModuleDestroy {
  private readonly streams = new Map<SseStream, UserActor>();
  private heartbeat: NodeJS.Timeout | undefined;
  private looking: Promise<void> | null = null;
  private unsubscribe: () => void = () => undefined;
  private draining = false;
  private readonly log: Log;

  constructor(
    private readonly authenticator: Authenticator,
    private readonly changes: CredentialChanges,
    log: Log,
  ) {
    this.log = log.area('events');
  }

  onModuleInit(): void {
    this.unsubscribe = this.changes.listen((change) => void this.lookAt(change));
  }

  get size(): number {
    return this.streams.size;
  }

  add(stream: SseStream, actor: UserActor): void {
    this.heartbeat ??= setInterval(() => void this.beat(), HEARTBEAT_MS).unref();
    this.streams.set(stream, actor);
    stream.onClose(() => this.streams.delete(stream));
    // What was announced after the request was let in and before this line concerned no stream yet.
    void this.endRevoked([actor]);
  }

  /** Throws `OperationalError` once `closeAll` was called. */
  refuseWhileDraining(): void {
    if (this.draining) throw new OperationalError('draining', 'This process is shutting down.', 1);
  }

  /** Ends all streams and lets no new one begin. */
  closeAll(): void {
    this.draining = true;
    clearInterval(this.heartbeat);
    for (const stream of this.streams.keys())
      stream.close(EARLIEST_RETURN_MS + Math.round(Math.random() * RETURN_SPREAD_MS));
  }

  onModuleDestroy(): void {
    this.unsubscribe();
    this.closeAll();
  }

  /** One heartbeat of all streams; resolves when those that may no longer be open have ended. Never rejects. */
  async beat(): Promise<void> {
    for (const stream of this.streams.keys()) stream.heartbeat();
    this.looking ??= this.endRevoked([...this.streams.values()]).finally(() => {
      this.looking = null;
    });
    await this.looking;
  }

  /** Not joined with a look that is under way: that one may have asked before the change. */
  private async lookAt(change: CredentialChange): Promise<void> {
    await this.endRevoked([...this.streams.values()].filter((actor) => concerns(change, actor)));
  }

  private async endRevoked(watching: readonly UserActor[]): Promise<void> {
    const actors = new Map(watching.map((actor) => [keyOf(actor), actor]));
    try {
      for (const [key, actor] of actors) if (!(await this.authenticator.stillHolds(actor))) this.end(key);
    } catch (error) {
      this.log.warn({ err: error }, 'the sessions of event streams cannot be looked at just now');
    }
  }

  private end(key: string): void {
    for (const [stream, actor] of this.streams) if (keyOf(actor) === key) stream.close();
  }
}

/** Streams of one session are looked at together; one opened after a change of role is another matter. */
const keyOf = (actor: UserActor): string => `${credentialOf(actor)} ${actor.role}`;
