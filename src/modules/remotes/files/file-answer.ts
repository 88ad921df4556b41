import { StreamableFile } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Readable } from 'node:stream';
import { UserError } from '../../../kernel/http/index.js';
import { attachment, mediaTypeOf } from './content-headers.js';
import type { Download } from './file-content.service.js';
import { lastModifiedOf, tagOf } from './file-tag.js';

/**
 * Files of strangers, so nothing of them may act in a browser: they are saved and not shown, their type is not
 * guessed, and a page that is shown all the same may load and run nothing. Only the caller's own cache may keep one,
 * and has to ask each time.
 */
const GUARDED = {
  'Cache-Control': 'private, no-cache, no-transform',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
  'X-Content-Type-Options': 'nosniff',
} as const;

/** Status, headers and body of a download. */
export function answerWith(reply: FastifyReply, download: Download): StreamableFile | undefined {
  const { entry } = download;
  const size = entry.size ?? -1;
  if (download.kind === 'unsatisfiable')
    throw new UserError(
      416,
      'range_not_satisfiable',
      `None of the file's ${size} bytes are in this range.`,
      [],
      {
        'Content-Range': `bytes */${size}`,
      },
    );
  void reply.headers({ ...GUARDED, ETag: tagOf(entry), 'Last-Modified': lastModifiedOf(entry) });
  if (download.kind === 'unchanged') {
    void reply.status(304);
    return undefined;
  }
  const { range, length, content } = download;
  void reply.headers({
    'Content-Type': mediaTypeOf(entry.name),
    'Content-Disposition': attachment(entry.name),
    'Accept-Ranges': size < 0 ? 'none' : 'bytes',
  });
  if (length !== null) void reply.header('Content-Length', length);
  if (range) void reply.status(206).header('Content-Range', `bytes ${range.from}-${range.to}/${entry.size}`);
  return new StreamableFile(content ?? Readable.from([]));
}
