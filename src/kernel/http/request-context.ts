import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';

/** What is known about the request (or job attempt) that the current code runs for. */
export interface RequestContext {
  /** On every answer, log line, audit row and job it caused. */
  readonly requestId: string;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  /** The header Accept-Language as it was sent; absent where there is no request. */
  readonly acceptLanguage?: string | null;
}

const storage = new AsyncLocalStorage<RequestContext>();

export const requestContext = {
  current: (): RequestContext | undefined => storage.getStore(),
  run: <T>(context: RequestContext, work: () => T): T => storage.run(context, work),
};

/** A caller's request id is kept only when it is well formed, so that it can stand in logs and headers as it is. */
export function requestIdFrom(header: string | string[] | undefined): string {
  return typeof header === 'string' && /^[A-Za-z0-9._-]{8,128}$/.test(header) ? header : randomUUID();
}

/**
 * The path of a request as it was sent, without the query. Not by way of `URL`, which takes the beginning of
 * `//host/x` for a host and throws for `//[`: such a request would be logged under another path, or not at all.
 */
export const pathOf = (url: string): string => url.split('?', 1)[0] ?? '';
