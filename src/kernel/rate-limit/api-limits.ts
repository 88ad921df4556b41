import { Injectable, type ExecutionContext, type OnModuleInit } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Settings } from '../config/index.js';
import { requestContext } from '../http/request-context.js';
import { limitHeaders, tooMany, type Policy } from './limit-headers.js';
import { Limiters } from './limiters.js';
import { networkOf } from './network-of.js';
import type { SlidingLimiter } from './sliding-limiter.js';
import { LIMITED, type Limited } from './unlimited.js';

/** As published (S1-37). */
const WINDOW_SECONDS = 60;
/**
 * What is enforced. One second less, because the network brings requests closer together: who sends exactly the
 * published rate by his own clock must not be refused now and then.
 */
const ENFORCED_SECONDS = WINDOW_SECONDS - 1;

interface Limit {
  readonly policy: Policy;
  readonly limiter: SlidingLimiter;
}

/**
 * The limits of S1-37 and C28: so many requests per user and route, and fewer per address and route without valid
 * credentials, within any 60 s. Each counted answer says what is left; too many are `UserError` 429 `rate_limited`.
 * Routes marked `@Unlimited` are left out.
 */
@Injectable()
export class ApiLimits implements OnModuleInit {
  private ofUsers: Limit | null = null;
  private ofAddresses: Limit | null = null;

  constructor(
    private readonly reflector: Reflector,
    private readonly settings: Settings,
    private readonly limiters: Limiters,
  ) {}

  onModuleInit(): void {
    this.ofUsers = this.limit('user', this.settings.rateLimitUser, 'rate:api');
    this.ofAddresses = this.limit('anonymous', this.settings.rateLimitAnonymous, 'rate:api:ip');
  }

  /** Counts a request of somebody signed in. */
  async user(context: ExecutionContext, userId: string): Promise<void> {
    if (this.declared(context) !== 'not at all')
      await this.take(this.ofUsers, userId, routeOf(context), context);
  }

  /** Counts a request without credentials, or whose credentials were refused, against its address. */
  async anonymous(context: ExecutionContext): Promise<void> {
    const how = this.declared(context);
    if (how === 'not at all') return;
    const limit = how === 'like users' ? this.ofUsers : this.ofAddresses;
    await this.take(limit, currentNetwork(), routeOf(context), context);
  }

  /** Counts against the address what only a service can tell to be anonymous: for routes left out otherwise. */
  async address(route: string): Promise<void> {
    await this.take(this.ofAddresses, currentNetwork(), route, null);
  }

  private limit(name: string, points: number, prefix: string): Limit | null {
    if (points === 0) return null;
    return {
      policy: { name, points, seconds: WINDOW_SECONDS },
      limiter: this.limiters.sliding(prefix, points, ENFORCED_SECONDS),
    };
  }

  private async take(
    limit: Limit | null,
    whose: string,
    route: string,
    context: ExecutionContext | null,
  ): Promise<void> {
    if (limit === null) return;
    const taken = await limit.limiter.take(`${whose}:${route}`);
    const headers = limitHeaders(limit.policy, taken);
    void context?.switchToHttp().getResponse<FastifyReply>().headers(headers);
    if (taken.allowed) return;
    const { points, seconds } = limit.policy;
    throw tooMany(
      'rate_limited',
      `More than ${points} requests to this route within ${seconds} s; wait as long as Retry-After says.`,
      taken.freeInMs,
      headers,
    );
  }

  private declared(context: ExecutionContext): Limited['how'] | undefined {
    const places = [context.getHandler(), context.getClass()];
    return this.reflector.getAllAndOverride<Limited | undefined>(LIMITED, places)?.how;
  }
}

function routeOf(context: ExecutionContext): string {
  const { method, routeOptions } = context.switchToHttp().getRequest<FastifyRequest>();
  return `${method}:${routeOptions.url}`;
}

const currentNetwork = (): string => networkOf(requestContext.current()?.ipAddress ?? null);
