import { StandardSchemaSerializerInterceptor } from '@nestjs/common';
import { NestFactory, Reflector } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import helmet from '@fastify/helmet';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { DynamicModule } from '@nestjs/common';
import { Settings, inNetworks, serves } from '../config/index.js';
import { Log } from '../log/index.js';
import { RequestMetrics } from '../metrics/request-metrics.js';
import { QueueBoard } from '../queue/board/queue-board.js';
import { answerOptions } from './allowed-methods.js';
import { clientAddress } from './client-address.js';
import { answerClientError } from './client-errors.js';
import { refuseRepeatedHeaders } from './header-guard.js';
import { parseJson } from './json-body.js';
import { serveDocumentation } from './openapi.js';
import { BODY_LIMIT_BYTES, toAppError, toProblem } from './problem.js';
import { ProblemFilter } from './problem.filter.js';
import { pathOf, requestContext, requestIdFrom } from './request-context.js';
import { BARE_HEADERS, HELMET } from './security-headers.js';
import { acceptStreamedBodies } from './streamed-body.js';
import { refuseUnstorable } from './text-guard.js';
import { validationPipe } from './validation.js';

/**
 * Builds the HTTP application around a root module: request ids, one log line per request, refusal of text that
 * cannot be stored, schema validation in and out, problem documents, documentation. It does not listen yet.
 */
export async function createHttpApplication(root: DynamicModule, log: Log): Promise<NestFastifyApplication> {
  // The settings are known once Nest is built, the adapter is asked for before.
  let isTrustedProxy: (address: string) => boolean = () => false;
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT_BYTES,
    genReqId: (request: { headers: Record<string, string | string[] | undefined> }) =>
      requestIdFrom(request.headers['x-request-id']),
    routerOptions: { querystringParser: strictQuery },
    trustProxy: (address) => isTrustedProxy(address),
    frameworkErrors: sendProblem,
    clientErrorHandler: answerClientError(log),
  });
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, {
    logger: log,
    abortOnError: false,
    forceCloseConnections: false,
    bodyParser: false,
  });
  isTrustedProxy = inNetworks(app.get(Settings).trustedProxies);
  answerOptions(app.getHttpAdapter().getInstance());
  acceptOnlyJson(app);
  acceptStreamedBodies(app.getHttpAdapter().getInstance());
  await app.register(helmet, HELMET);
  warnOfUntrustedProxy(app, log, isTrustedProxy);
  installHooks(app, log);
  app.get(RequestMetrics).observe(app.getHttpAdapter().getInstance());
  app.useGlobalPipes(validationPipe);
  app.useGlobalInterceptors(new StandardSchemaSerializerInterceptor(app.get(Reflector)));
  app.useGlobalFilters(new ProblemFilter(log.area('http')));
  serveDocumentation(app);
  const settings = app.get(Settings);
  if (settings.queueBoard && serves(settings, 'api'))
    app.get(QueueBoard).serve(app.getHttpAdapter().getInstance());
  return app;
}

/** Bodies are JSON; other types are 415, except on routes with `@StreamsBody`. */
function acceptOnlyJson(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      // Many clients name the type on every POST: an empty body is none, and a route that needs one says so.
      done(null, body === '' ? undefined : parseJson(body));
    } catch (error) {
      done(toAppError(error));
    }
  });
}

/** For requests that reach no route because their URL cannot be decoded: no hook and no filter sees them. */
function sendProblem(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  const problem = toAppError(error);
  void reply
    .status(problem.status)
    .headers({ ...BARE_HEADERS, 'X-Request-Id': request.id })
    .type('application/problem+json; charset=utf-8')
    .send(JSON.stringify(toProblem(problem, request.url, request.id)));
}

function installHooks(app: NestFastifyApplication, log: Log): void {
  const fastify = app.getHttpAdapter().getInstance();
  const requests = log.area('http');
  fastify.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
    void reply.header('X-Request-Id', request.id);
    const context = {
      requestId: request.id,
      ipAddress: clientAddress(request),
      userAgent: request.headers['user-agent'] ?? null,
      acceptLanguage: request.headers['accept-language'] ?? null,
    };
    requestContext.run(context, done);
  });
  fastify.addHook('onRequest', (request: FastifyRequest, _reply: FastifyReply, done: () => void) => {
    refuseRepeatedHeaders(request.raw.rawHeaders, (field) => {
      const details = { field, requestId: request.id, ipAddress: clientAddress(request) };
      requests.warn(details, 'a repeated header field was refused');
    });
    done();
  });
  fastify.addHook('preValidation', (request: FastifyRequest, _reply: FastifyReply, done: () => void) => {
    refuseUnstorable(request.params, 'path');
    refuseUnstorable(request.query, 'query');
    refuseUnstorable(request.body, 'body');
    done();
  });
  fastify.addHook(
    'onSend',
    (_request: FastifyRequest, reply: FastifyReply, _payload: unknown, done: () => void) => {
      if (!reply.hasHeader('Cache-Control')) void reply.header('Cache-Control', 'no-store');
      // The page of the documentation and its scripts come without one; a browser would guess (ASVS 4.1.1).
      const type = reply.getHeader('Content-Type');
      if (typeof type === 'string' && /^(text\/[a-z]+|application\/javascript)$/.test(type))
        void reply.header('Content-Type', `${type}; charset=utf-8`);
      done();
    },
  );
  fastify.addHook('onResponse', (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
    const path = pathOf(request.url);
    const details = {
      method: request.method,
      path,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      requestId: request.id,
    };
    if (path.startsWith('/api/health')) requests.debug(details, 'request');
    else requests.info(details, 'request');
    done();
  });
}

/** One line, once: without the setting all clients of a proxy are one address, and share its limits. */
function warnOfUntrustedProxy(
  app: NestFastifyApplication,
  log: Log,
  isTrusted: (address: string) => boolean,
): void {
  let warned = false;
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', ({ headers, socket }: FastifyRequest, _reply: FastifyReply, done: () => void) => {
      const { remoteAddress = '' } = socket;
      if (!warned && headers['x-forwarded-for'] !== undefined && !isTrusted(remoteAddress)) {
        warned = true;
        log
          .area('http')
          .warn(
            { remoteAddress },
            'X-Forwarded-For is not believed; if this address is your reverse proxy, put it into STEWARD_TRUSTED_PROXIES',
          );
      }
      done();
    });
}

/** A repeated query key becomes an array, which the schemas of single values refuse by name. */
function strictQuery(text: string): Record<string, string | string[]> {
  const values = new Map<string, string | string[]>();
  for (const [key, value] of new URLSearchParams(text)) {
    const present = values.get(key);
    values.set(key, present === undefined ? value : [present, value].flat());
  }
  return Object.fromEntries(values);
}
