import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { UserError } from './errors.js';
import { pathOf } from './request-context.js';

/** A request that carries an Idempotency-Key, as a service needs it. */
export interface OnceRequest {
  readonly key: string;
  /** Method and path: one key may be used once per route. */
  readonly route: string;
  readonly bodyHash: Buffer;
  /** Called when the stored first answer is sent instead of doing the work again. */
  replayed(): void;
}

/** The request's Idempotency-Key with what it stands for, or null when there is none. */
export const Once = createParamDecorator((_: unknown, context: ExecutionContext): OnceRequest | null => {
  const http = context.switchToHttp();
  const request = http.getRequest<FastifyRequest>();
  const key = request.headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(key))
    throw UserError.malformed(
      'Idempotency-Key must be 1 to 255 visible ASCII characters.',
      [],
      'idempotency_key_malformed',
    );
  return {
    key,
    route: `${request.method} ${pathOf(request.url)}`,
    bodyHash: createHash('sha256')
      .update(JSON.stringify(request.body ?? null))
      .digest(),
    replayed: () => void http.getResponse<FastifyReply>().header('Idempotency-Replayed', 'true'),
  };
});
