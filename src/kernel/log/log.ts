import type { LoggerService } from '@nestjs/common';
import { pino, type DestinationStream, type Logger, type LoggerOptions } from 'pino';
import { pretty as prettyStream } from './pretty.js';
import { requestContext } from '../http/request-context.js';

export interface LogOptions {
  readonly level: string;
  readonly format: 'auto' | 'pretty' | 'json';
}

/** Field names whose values never reach a log line (rule 10). */
const REDACTED = [
  'password',
  'newPassword',
  'currentPassword',
  'accessToken',
  'refreshToken',
  'token',
  'ticket',
  'apiKey',
  'secret',
  'authorization',
  'otpauthUri',
  'recoveryCodes',
];

/** What database errors carry besides their text: values of the statement and whole rows, hashes among them. */
const REDACTED_OF_ERRORS = ['err.parameters', 'err.detail', 'err.driverError'];

/**
 * The structured log: one JSON object a line, or readable text in a terminal. Every line carries the request id
 * of the request or job attempt it was written for. Injected by class; `area` names the writer.
 */
export class Log implements LoggerService {
  private constructor(private readonly sink: Logger) {}

  /** Writes to standard output unless told. */
  static create(options: LogOptions, destination?: DestinationStream): Log {
    const readable = options.format === 'pretty' || (options.format === 'auto' && process.stdout.isTTY);
    const settings: LoggerOptions = {
      level: options.level,
      redact: {
        paths: [...REDACTED.flatMap((name) => [name, `*.${name}`]), ...REDACTED_OF_ERRORS],
        censor: '[redacted]',
      },
      mixin: () => {
        const requestId = requestContext.current()?.requestId;
        return requestId === undefined ? {} : { requestId };
      },
    };
    const stream = destination ?? (readable ? prettyStream() : undefined);
    return new Log(stream ? pino(settings, stream) : pino(settings));
  }

  /** A log whose lines name the part of the system that writes them. */
  area(area: string): Log {
    return new Log(this.sink.child({ area }));
  }

  /** Whether debug lines are written: for places where making their details would cost something. */
  get debugging(): boolean {
    return this.sink.isLevelEnabled('debug');
  }

  info(details: object, message: string): void {
    this.sink.info(details, message);
  }

  debug(details: unknown, message?: unknown): void {
    this.write('debug', details, message);
  }

  warn(details: unknown, message?: unknown): void {
    this.write('warn', details, message);
  }

  error(details: unknown, ...rest: unknown[]): void {
    this.write('error', details, rest[0]);
  }

  fatal(details: unknown, message?: unknown): void {
    this.write('fatal', details, message);
  }

  /** Nest's own start-up chatter: useful only when looking for a wiring problem. */
  log(message: unknown, context?: unknown): void {
    this.write('debug', message, context);
  }

  verbose(message: unknown, context?: unknown): void {
    this.write('trace', message, context);
  }

  /** Ours is `(details, message)`, Nest's is `(message, context)`: an object first means ours. */
  private write(
    level: 'trace' | 'debug' | 'warn' | 'error' | 'fatal',
    first: unknown,
    second: unknown,
  ): void {
    if (typeof first === 'object' && first !== null && !(first instanceof Error))
      this.sink[level](first, typeof second === 'string' ? second : '');
    else if (first instanceof Error) this.sink[level]({ err: first }, first.message);
    else
      this.sink[level](typeof second === 'string' ? { context: second.slice(0, 2000) } : {}, String(first));
  }
}
