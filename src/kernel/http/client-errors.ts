import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Log } from '../log/index.js';
import { UserError } from './errors.js';
import { toProblem } from './problem.js';
import { BARE_HEADERS } from './security-headers.js';

/** What the HTTP parser tells of a request that it could not read. */
interface ParserError extends Error {
  readonly code?: string;
}

/**
 * For what is no HTTP request or breaks its rules (oversized headers, a line that is not ASCII, two lengths): there
 * is no request object yet, so the answer is written to the socket, which is closed then. Nothing of what was sent is
 * repeated in the answer or the log.
 */
export function answerClientError(log: Log): (error: ParserError, socket: Socket) => void {
  const requests = log.area('http');
  return (error, socket) => {
    // The client has gone; or an answer has begun, and a second one in it would be read as part of the first.
    if (error.code === 'ECONNRESET' || !socket.writable || hasBegunToAnswer(socket)) {
      socket.destroy();
      return;
    }
    const problem = problemOf(error);
    const requestId = randomUUID();
    const { status } = problem;
    requests.info(
      { status, reason: error.code, requestId, remoteAddress: socket.remoteAddress },
      'no request',
    );
    const body = JSON.stringify(toProblem(problem, '/', requestId));
    socket.end(
      [
        `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
        'Content-Type: application/problem+json; charset=utf-8',
        `Content-Length: ${Buffer.byteLength(body)}`,
        ...Object.entries(BARE_HEADERS).map(([name, value]) => `${name}: ${value}`),
        `X-Request-Id: ${requestId}`,
        'Connection: close',
        '',
        body,
      ].join('\r\n'),
    );
  };
}

function problemOf({ code }: ParserError): UserError {
  if (code === 'HPE_HEADER_OVERFLOW' || code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW')
    return new UserError(431, 'headers_too_large', 'The header fields are larger than the limit of 16 KiB.');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new UserError(408, 'request_timeout', 'The request did not arrive in time.');
  return new UserError(400, 'malformed_request', 'This is no well-formed HTTP/1.1 request.');
}

/** The server keeps the answer it is writing on the socket. */
function hasBegunToAnswer(socket: Socket): boolean {
  const { _httpMessage: answer } = socket as Socket & { _httpMessage?: { headersSent?: boolean } | null };
  return answer?.headersSent === true;
}
