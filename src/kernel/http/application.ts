import { StandardSchemaSerializerInterceptor } from '@nestjs/common';
import { NestFactory, Reflector } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import helmet from '@fastify/helmet';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { DynamicModule } from '@nestjs/common';
import { Settings, inNetworks } from '../config/index.js';
import { Log } from '../log/index.js';
import { clientAddress } from './client-address.js';
import { serveDocumentation } from './openapi.js';
import { BODY_LIMIT_BYTES, toAppError, toProblem } from './problem.js';
import { ProblemFilter } from './problem.filter.js';
import { pathOf, requestContext, requestIdFrom } from './request-context.js';
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
  });
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, {
    logger: log,
    abortOnError: false,
    forceCloseConnections: false,
    bodyParser: false,
  });
  isTrustedProxy = inNetworks(app.get(Settings).trustedProxies);
  acceptOnlyJson(app);
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: true, directives: { upgradeInsecureRequests: null } },
  });
  warnOfUntrustedProxy(app, log, isTrustedProxy);
  installHooks(app, log);
  app.useGlobalPipes(validationPipe);
  app.useGlobalInterceptors(new StandardSchemaSerializerInterceptor(app.get(Reflector)));
  app.useGlobalFilters(new ProblemFilter(log.area('http')));
  serveDocumentation(app);
  return app;
}

/**
 * Bodies are JSON; other types are 415 unless a route's plugin brings their parser. What a parser refuses is given
 * its code here, because the platform hands on nothing but its text.
 */
function acceptOnlyJson(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  const parse = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    // Many clients name the type on every POST: an empty body is none, and a route that needs one says so.
    if (body === '') return done(null, undefined);
    void parse(request, body, (error, value) => done(error && toAppError(error), value));
  });
}

/** For requests that reach no route because their URL cannot be decoded: no hook and no filter sees them. */
function sendProblem(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  const problem = toAppError(error);
  void reply
    .status(problem.status)
    .headers({
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      'X-Request-Id': request.id,
    })
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
