import { UserError } from '../http/errors.js';
import type { Taken } from './sliding-log.js';

/** A limit as it is told to clients. */
export interface Policy {
  readonly name: string;
  readonly points: number;
  readonly seconds: number;
}

/** The header fields of draft-ietf-httpapi-ratelimit-headers-11: the policy, and what is left of it. */
export function limitHeaders(policy: Policy, taken: Taken): Record<string, string> {
  return {
    'RateLimit-Policy': `"${policy.name}";q=${policy.points};w=${policy.seconds}`,
    RateLimit: `"${policy.name}";r=${taken.remaining};t=${wholeSeconds(taken.freeInMs)}`,
  };
}

/** 429. The wait is rounded up: who comes back after it is not refused again. */
export function tooMany(code: string, detail: string, waitMs: number, headers = {}): UserError {
  return new UserError(429, code, detail, [], { ...headers, 'Retry-After': String(wholeSeconds(waitMs)) });
}

const wholeSeconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));
