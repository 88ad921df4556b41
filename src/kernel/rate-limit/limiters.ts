import { Injectable, Optional } from '@nestjs/common';
import { Installation } from '../database/index.js';
import { type Redis, RedisConnections } from '../redis/index.js';
import { SlidingLimiter } from './sliding-limiter.js';

/** Makes limiters whose keys begin with this installation's name, on Redis where it is configured. */
@Injectable()
export class Limiters {
  private readonly connections: RedisConnections | null;
  private sliders: Redis | undefined;

  constructor(
    private readonly installation: Installation,
    @Optional() connections?: RedisConnections,
  ) {
    this.connections = connections ?? null;
  }

  /** `points` within any `seconds`. Call it from `onModuleInit` on: it may open a connection. */
  sliding(prefix: string, points: number, seconds: number): SlidingLimiter {
    const redis = this.connections && (this.sliders ??= this.connections.open('producer'));
    return new SlidingLimiter({ prefix: `${this.installation.name}:${prefix}`, points, seconds }, redis);
  }
}
