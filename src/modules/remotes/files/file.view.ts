import type { FileEntry } from '../engine/transfer-engine.js';
import { displayPath } from '../remote-path.js';
import type { FileView } from './files.schema.js';

export function toFileView({ name, path, size, isDir, modifiedAt }: FileEntry): FileView {
  return { name, path: displayPath(path), size: size === null || size < 0 ? null : size, isDir, modifiedAt };
}
