import type { IncomingMessage } from 'node:http';
import { PassThrough, type Readable } from 'node:stream';
import { TransferError } from '../transfer-engine.js';

/**
 * What is read of a file, as long as somebody reads it, and no faster. Destroying it ends the reading at the far
 * side. It fails with a `TransferError` when it breaks off. `ended` is called once, at whatever end.
 */
export function contentStream(response: IncomingMessage, ended: () => void): Readable {
  const content = new PassThrough();
  // It may break off before its reader listens, who is told all the same when it begins to.
  content.on('error', () => {});
  const broken = (cause?: unknown): void => {
    content.destroy(new TransferError('temporary', 'The reading of the file broke off.', { cause }));
  };
  response.on('error', broken);
  response.once('close', () => {
    if (!response.complete) broken();
  });
  content.once('close', () => {
    response.destroy();
    ended();
  });
  response.pipe(content);
  return content;
}
