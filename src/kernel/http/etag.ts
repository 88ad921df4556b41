import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { UserError } from './errors.js';

/**
 * Something two people may edit at once. The version counts the edits of people, not what the system itself writes
 * into the row, so that a resource which changes by itself can still be edited.
 */
export interface Versioned<T> {
  readonly version: number;
  readonly body: T;
}

/** The body, with its version as the answer's ETag. */
export function tagged<T>(reply: FastifyReply, { version, body }: Versioned<T>): T {
  void reply.header('ETag', `"${version}"`);
  return body;
}

/**
 * The version the caller has read, from If-Match; null for `*`, which is any. 428 when the header is missing, so
 * that nobody overwrites what they have not seen; 400 when it is not one of our tags.
 */
export const IfMatch = createParamDecorator((_: unknown, context: ExecutionContext): number | null =>
  versionOf(context.switchToHttp().getRequest<FastifyRequest>().headers['if-match']),
);

/** `IfMatch` as the API document tells it. */
export const NEEDS_IF_MATCH = {
  name: 'If-Match',
  description: 'The ETag of what was read.',
  required: true,
};

/** The same where nobody else edits the resource, so that the header may be left out: null then, too. */
export const OptionalIfMatch = createParamDecorator(
  (_: unknown, context: ExecutionContext): number | null => givenVersion(context) ?? null,
);

/** The same of a PUT that makes what is not there yet: undefined when the header is missing, which is then no harm. */
export const GivenIfMatch = createParamDecorator(
  (_: unknown, context: ExecutionContext): number | null | undefined => givenVersion(context),
);

function givenVersion(context: ExecutionContext): number | null | undefined {
  const header = context.switchToHttp().getRequest<FastifyRequest>().headers['if-match'];
  return header === undefined ? undefined : versionOf(header);
}

/** 412 when the caller has read another version than the present one. */
export function requireVersion(what: string, expected: number | null, present: number): void {
  if (expected !== null && expected !== present) throw UserError.stale(what);
}

export function versionOf(header: string | undefined): number | null {
  if (header === undefined)
    throw UserError.preconditionRequired('Send If-Match with the ETag of what you read.');
  if (header.trim() === '*') return null;
  const version = /^"(\d{1,10})"$/.exec(header.trim())?.[1];
  if (version === undefined)
    throw UserError.malformed(
      'If-Match must be one ETag of this resource, such as "1" with its quotes, or *.',
      [],
      'if_match_malformed',
    );
  return Number(version);
}
