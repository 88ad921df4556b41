import { applyDecorators, createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiBody, ApiConsumes } from '@nestjs/swagger';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { UserError } from './errors.js';

/** What such a body passes for inside; from a client it is a media type like any other that nobody reads. */
const INSIDE = 'application/x-steward-streamed';
/** How much of a refused body is read and thrown away, so that the client sees the answer and not a broken line. */
const THROWN_AWAY_BYTES = 4 * 1_048_576;
const THROWN_AWAY_MS = 30_000;

/** The body of this route is a file of any media type; it is not read before the handler does. */
export const StreamsBody = (): MethodDecorator =>
  applyDecorators(
    RouteConfig({ streamsBody: true }),
    ApiConsumes('application/octet-stream'),
    ApiBody({ required: true, schema: { type: 'string', format: 'binary' } }),
  );

/**
 * The body of a route with `@StreamsBody`, unread. Who takes it must not destroy it, because the answer goes over the
 * same connection: stop reading instead.
 */
export const StreamedBody = createParamDecorator(
  (_: unknown, context: ExecutionContext): IncomingMessage =>
    context.switchToHttp().getRequest<FastifyRequest>().raw,
);

/** To be called before any route is added. */
export function acceptStreamedBodies(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request: FastifyRequest, _reply: FastifyReply, done: () => void) => {
    // JSON that is to be stored as a file must not be parsed, and its size has another limit.
    if (isStreamed(request)) request.raw.headers['content-type'] = INSIDE;
    done();
  });
  fastify.addContentTypeParser(INSIDE, (request, _payload, done) => {
    if (isStreamed(request)) done(null, undefined);
    else done(new UserError(415, 'unsupported_media_type', 'Bodies of this route are JSON.'));
  });
  fastify.addHook(
    'onSend',
    ({ raw }: FastifyRequest, _reply: FastifyReply, _payload: unknown, done: () => void) => {
      if (raw.headers['content-type'] === INSIDE && !raw.complete) throwAway(raw);
      done();
    },
  );
}

const isStreamed = ({ routeOptions: { config } }: FastifyRequest): boolean =>
  (config as { streamsBody?: boolean }).streamsBody === true;

function throwAway(body: IncomingMessage): void {
  let bytes = 0;
  const cut = (): void => void body.socket.destroy();
  const limit = setTimeout(cut, THROWN_AWAY_MS);
  limit.unref();
  body.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > THROWN_AWAY_BYTES) cut();
  });
  // Its connection may break while nobody else listens any more.
  body.on('error', () => undefined);
  body.once('close', () => clearTimeout(limit));
  body.resume();
}
