import { createHash } from 'node:crypto';
import type { JobDefinition, JobKey } from './define-job.js';

/** Longest part of a limit key that is kept as it is. */
const MAX_PART_LENGTH = 80;
/** Stands between the two parts of a key, and in neither of them. */
const SEPARATOR = ' ';

export interface LimitParts {
  /** What the limit per key counts by; empty where the type has none. */
  readonly limit: string;
  /** What the rate counts by; empty where it has no key. */
  readonly rate: string;
}

type Limited = Pick<JobDefinition, 'limits' | 'concurrency'>;
type Owner = { readonly userId: string | null };

/** Whether anything bounds the jobs of this type, so that they are dispatched by count. */
export const isLimited = ({ limits, concurrency }: Limited): boolean =>
  concurrency !== null ||
  limits.global !== undefined ||
  limits.perKey !== undefined ||
  limits.rate !== undefined;

/**
 * What a job's row says of the limits it falls under, or null where its type has none. Short whatever the functions
 * of the definition answer: a text that is long, or holds more than plain characters, is kept as its digest.
 */
export function limitKeyOf(definition: Limited, payload: unknown, owner: Owner): string | null {
  if (!isLimited(definition)) return null;
  const { perKey, rate } = definition.limits;
  const limit = perKey ? partOf(perKey.key, payload, owner) : '';
  return rate?.key ? limit + SEPARATOR + partOf(rate.key, payload, owner) : limit;
}

export function partsOf(limitKey: string): LimitParts {
  const [limit = '', rate = ''] = limitKey.split(SEPARATOR);
  return { limit, rate };
}

/**
 * What keeps a second job of a unique type away, or null for types that are not. A digest, so that nothing of the
 * payload is in it; the owner is part of it, so that nobody learns of anybody else's jobs.
 */
export function uniqueKeyOf(
  { unique }: Pick<JobDefinition, 'unique'>,
  payload: unknown,
  owner: Owner,
): Buffer | null {
  return unique ? digest(JSON.stringify([owner.userId, unique.key(payload, owner)])) : null;
}

/** For tables of their own, which hold nothing that could be read as a person's. */
export const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

function partOf(key: JobKey<unknown>, payload: unknown, owner: Owner): string {
  const text = key(payload, owner);
  return text.length <= MAX_PART_LENGTH && /^[\w.:@/-]*$/.test(text)
    ? text
    : `sha256:${digest(text).toString('base64url')}`;
}
