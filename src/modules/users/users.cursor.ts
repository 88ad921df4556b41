import { z } from 'zod';
import { parseOrThrow, uuid } from '../../kernel/http/index.js';
import type { UserEntity } from './user.entity.js';

/** Orders of the list of users; a minus begins with the largest, as everywhere. */
export const USER_SORTS = ['-createdAt', '-taskCount', 'email'] as const;
export type UserSort = (typeof USER_SORTS)[number];

/** Where a page ends: the values its order compares, the id last, so that no two users share a place. */
export interface UserPlace {
  readonly id: string;
  readonly taskCount?: number;
  readonly emailKey?: string;
}

const places = {
  '-createdAt': z.strictObject({ id: uuid }),
  '-taskCount': z.strictObject({ id: uuid, taskCount: z.int().min(0).max(2_147_483_647) }),
  email: z.strictObject({ id: uuid, emailKey: z.string().max(255) }),
} as const;

/** Opaque to clients. Newest first it is the last id alone, as in every other list. */
export function cursorOf(sort: UserSort, { id, taskCount, emailKey }: UserEntity): string {
  if (sort === '-createdAt') return id;
  const place = sort === 'email' ? { id, emailKey } : { id, taskCount };
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/** 400 for a cursor that was not given for this order. */
export function placeOf(sort: UserSort, cursor: string): UserPlace {
  return parseOrThrow<UserPlace>(
    z.unknown().transform((_, context) => {
      const place = places[sort].safeParse(sort === '-createdAt' ? { id: cursor } : decoded(cursor));
      if (place.success) return place.data;
      context.addIssue({ code: 'custom', message: `must be a nextCursor of a list with sort=${sort}` });
      return z.NEVER;
    }),
    cursor,
    '/cursor',
  );
}

function decoded(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return null;
  }
}
