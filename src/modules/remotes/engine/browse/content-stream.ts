import type { IncomingMessage } from 'node:http';
import { PassThrough, type Readable, pipeline } from 'node:stream';
import { TransferError } from '../transfer-engine.js';

/**
 * What is read of a file, as long as somebody reads it, and no faster. Destroying it ends the reading at the far
 * side. It fails with a `TransferError` when it breaks off. `ended` is called once, at whatever end.
 */
export function contentStream(response: IncomingMessage, ended: () => void): Readable {
  const content = new PassThrough({
    destroy(cause, done) {
      const error =
        cause === null || cause instanceof TransferError
          ? cause
          : new TransferError('temporary', 'The reading of the file broke off.', { cause });
      done(error);
    },
  });
  pipeline(response, content, ended);
  return content;
}
