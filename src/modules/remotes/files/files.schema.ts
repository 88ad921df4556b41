import { z } from 'zod';
import { instantOut, pageOf, pageQuery } from '../../../kernel/http/index.js';
import { ROOT, displayPath } from '../remote-path.js';
import { remotePath } from '../remotes.schema.js';
import { MAX_TOKEN_CHARACTERS } from './page-token.js';

export const pathQuery = z.strictObject({
  path: remotePath.default(displayPath(ROOT)).describe('A file or a folder; the root when absent.'),
});
export type PathQuery = z.output<typeof pathQuery>;

export const filesQuery = z.strictObject({
  path: remotePath.default(displayPath(ROOT)).describe('The folder; the root when absent.'),
  limit: pageQuery.limit,
  cursor: z.string().max(MAX_TOKEN_CHARACTERS).optional().describe('nextCursor of the page before.'),
});
export type FilesQuery = z.output<typeof filesQuery>;

export const newFolderBody = z.strictObject({
  path: remotePath.describe('The folder; those above it are made, too.'),
});
export type NewFolderBody = z.output<typeof newFolderBody>;

export const renameBody = z.strictObject({
  from: remotePath.describe('A file of the remote.'),
  to: remotePath.describe('Its new path, folder and all; nothing may be there.'),
});
export type RenameBody = z.output<typeof renameBody>;

export const fileView = z
  .object({
    name: z.string(),
    path: z.string(),
    size: z.number().int().nullable().describe('Bytes; null for a folder.'),
    isDir: z.boolean(),
    modifiedAt: instantOut,
  })
  .meta({ id: 'File' });
export type FileView = z.output<typeof fileView>;
export const filePage = pageOf(fileView);
