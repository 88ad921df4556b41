import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { OperationalError } from '../http/errors.js';
import { SseStream } from './sse.js';

const HEARTBEAT_MS = 15_000;
const EARLIEST_RETURN_MS = 500;
const RETURN_SPREAD_MS = 4_500;

/**
 * Every open event stream of this process. They end when a shutdown begins, because the server waits for open
 * responses and would otherwise never stop; each client is told another moment to come back.
 */
@Injectable()
export class SseRegistry implements OnModuleDestroy {
  private readonly streams = new Set<SseStream>();
  private heartbeat: NodeJS.Timeout | undefined;
  private draining = false;

  get size(): number {
    return this.streams.size;
  }

  add(stream: SseStream): void {
    this.heartbeat ??= setInterval(() => this.beat(), HEARTBEAT_MS).unref();
    this.streams.add(stream);
    stream.onClose(() => this.streams.delete(stream));
  }

  /** Throws `OperationalError` once `closeAll` was called. */
  refuseWhileDraining(): void {
    if (this.draining) throw new OperationalError('draining', 'This process is shutting down.', 1);
  }

  /** Ends all streams and lets no new one begin. */
  closeAll(): void {
    this.draining = true;
    clearInterval(this.heartbeat);
    for (const stream of this.streams)
      stream.close(EARLIEST_RETURN_MS + Math.round(Math.random() * RETURN_SPREAD_MS));
  }

  onModuleDestroy(): void {
    this.closeAll();
  }

  private beat(): void {
    for (const stream of this.streams) stream.heartbeat();
  }
}
