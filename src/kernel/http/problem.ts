import { HttpException } from '@nestjs/common';
import { STATUS_CODES } from 'node:http';
import { isUnreachable, refusesErasedOwner, yieldedToOthers } from '../database/sql.js';
import { AppError, OperationalError, UserError, type FieldError } from './errors.js';
import { pathOf } from './request-context.js';

/** RFC 9457 problem document. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly code: string;
  readonly requestId: string;
  readonly errors: readonly FieldError[];
}

/** Codes of errors that the HTTP platform itself raises before a controller runs. */
const PLATFORM_CODES: Readonly<Record<number, string>> = {
  400: 'malformed_request',
  404: 'route_not_found',
  405: 'method_not_allowed',
  413: 'body_too_large',
  414: 'url_too_long',
  415: 'unsupported_media_type',
  431: 'headers_too_large',
};

/**
 * Gives any thrown value its author (rule 4). Unknown values become a plain 500 whose text says nothing of the
 * inside; the caller logs the original.
 */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (isUnreachable(error))
    return new OperationalError('database_unavailable', 'The database cannot be reached just now.');
  if (yieldedToOthers(error))
    return new OperationalError('busy', 'Others changed the same thing at this moment; try again.', 1);
  if (refusesErasedOwner(error)) return UserError.conflict('account_erased', 'This account has been erased.');
  const status =
    error instanceof HttpException
      ? error.getStatus()
      : (error as { statusCode?: unknown } | null)?.statusCode;
  if (typeof status === 'number' && status >= 400 && status < 500)
    return new UserError(status, platformCode(error, status), platformDetail(error, status));
  return new InternalError();
}

/** A bug of ours, as the caller may see it. */
class InternalError extends AppError {
  constructor() {
    super(500, 'internal_error', 'Something went wrong on our side. The request id helps to find it.');
  }
}

/** `url` as it was asked for; its query stays out, because it may hold a ticket (ASVS 14.2.1). */
export function toProblem(error: AppError, url: string, requestId: string): Problem {
  return {
    ...error.members,
    type: `https://steward.dev/problems/${error.code}`,
    title: STATUS_CODES[error.status] ?? 'Error',
    status: error.status,
    detail: error.message,
    instance: pathOf(url),
    code: error.code,
    requestId,
    errors: error.errors,
  };
}

function platformCode(error: unknown, status: number): string {
  const fastifyCode = (error as { code?: unknown }).code;
  if (fastifyCode === 'FST_ERR_CTP_INVALID_JSON_BODY' || error instanceof SyntaxError)
    return 'malformed_json';
  return PLATFORM_CODES[status] ?? 'request_refused';
}

function platformDetail(error: unknown, status: number): string {
  // The platform's own words for these two repeat the URL, and with it a ticket in its query.
  if (status === 404) return 'There is no such route.';
  if ((error as { code?: unknown }).code === 'FST_ERR_BAD_URL') return 'The URL cannot be decoded.';
  if (status === 413) return `The body is larger than the limit of ${BODY_LIMIT_BYTES} bytes.`;
  return error instanceof Error ? error.message : 'The request was refused.';
}

/** Limit of a JSON body (security notes §6). File contents travel through their own streamed routes. */
export const BODY_LIMIT_BYTES = 1_048_576;
