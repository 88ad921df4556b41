import { Readable } from 'node:stream';
import {
  type EngineRemote,
  type FileEntry,
  FileNotFound,
  type Place,
  TransferEngine,
  TransferError,
  type TransferOperation,
  type TransferResult,
} from '../../src/modules/remotes/engine/transfer-engine.js';
import { isHidden } from '../../src/modules/remotes/names/hidden.js';
import {
  baseName,
  joinRemotePath,
  parseRemotePath,
  type RemotePath,
} from '../../src/modules/remotes/remote-path.js';

const MODIFIED = '2026-01-01T00:00:00.000Z';

/**
 * Remotes in memory, with the semantics that the port promises of folders: for what is decided above the engine.
 * Folders are there while something is in them. After `budget` changes it fails as if its connection was cut.
 */
export class MemoryEngine extends TransferEngine {
  readonly files = new Map<string, string>();
  budget = Infinity;

  at(folder: string): Map<string, string> {
    const start = folder === '' ? '' : `${folder}/`;
    return new Map(
      [...this.files]
        .filter(([path]) => path.startsWith(start))
        .map(([path, content]) => [path.slice(start.length), content]),
    );
  }

  put(path: string, content: string): void {
    this.spend();
    const isTaken = [...this.files.keys()].some(
      (other) => other.startsWith(`${path}/`) || path.startsWith(`${other}/`),
    );
    if (isTaken) throw new TransferError('exists', `there is a file where a folder should be: ${path}`);
    this.files.set(path, content);
  }

  drop(path: string): void {
    this.spend();
    if (!this.files.delete(path)) throw new FileNotFound(path);
  }

  override async transfer(
    _remotes: readonly EngineRemote[],
    operation: TransferOperation,
  ): Promise<TransferResult> {
    const within = ({ path }: Place): [string, string][] =>
      [...this.at(path)].filter(([name]) => !isHidden(operation.options.hidden ?? [], parseRemotePath(name)));
    let changes = 0;
    const change = (work: () => void): void => {
      changes += 1;
      if (operation.options.dryRun !== true) work();
    };
    if (operation.kind === 'delete') {
      for (const [name] of within(operation.target))
        change(() => this.drop(joinRemotePath(operation.target.path, name)));
      return resultOf(changes, operation);
    }
    const { source, destination } = operation;
    const from = within(source);
    const aside = (name: string): void => {
      const path = joinRemotePath(destination.path, name);
      if (operation.kind === 'backup')
        this.put(joinRemotePath(operation.versions, name), this.files.get(path) ?? '');
      this.drop(path);
    };
    if (operation.kind === 'sync' || (operation.kind === 'backup' && operation.mirror))
      for (const [name] of within(destination))
        if (!from.some(([other]) => other === name)) change(() => aside(name));
    for (const [name, content] of from) {
      const path = joinRemotePath(destination.path, name);
      if (this.files.get(path) !== content)
        change(() => {
          if (this.files.has(path) && operation.kind === 'backup') aside(name);
          this.put(path, content);
        });
      if (operation.kind === 'move') change(() => this.drop(joinRemotePath(source.path, name)));
    }
    return resultOf(changes, operation);
  }

  override async list(_remote: EngineRemote, folder: RemotePath): Promise<FileEntry[]> {
    const found = new Map<string, FileEntry>();
    for (const [path, content] of this.at(folder)) {
      const [name = '', ...below] = path.split('/');
      const isDir = below.length > 0;
      const size = isDir ? null : content.length;
      found.set(name, { name, path: joinRemotePath(folder, name), size, isDir, modifiedAt: MODIFIED });
    }
    if (found.size === 0) throw new FileNotFound(folder);
    return [...found.values()];
  }

  override async stat(_remote: EngineRemote, path: RemotePath): Promise<FileEntry | null> {
    const content = this.files.get(path);
    const isDir = content === undefined;
    if (isDir && this.at(path).size === 0) return null;
    return { name: baseName(path), path, size: content?.length ?? null, isDir, modifiedAt: MODIFIED };
  }

  override async remove(_remote: EngineRemote, path: RemotePath): Promise<void> {
    this.drop(path);
  }

  override async read(_remote: EngineRemote, path: RemotePath): Promise<Readable> {
    const content = this.files.get(path);
    if (content === undefined) throw new FileNotFound(path);
    return Readable.from([Buffer.from(content)]);
  }

  override async write(remote: EngineRemote, path: RemotePath, content: Readable): Promise<FileEntry> {
    let text = '';
    for await (const chunk of content) text += String(chunk);
    this.put(path, text);
    return (await this.stat(remote, path))!;
  }

  override async availability(): Promise<{ available: true; version: string }> {
    return { available: true, version: 'memory' };
  }
  override async probe(): Promise<void> {}
  override async usage(): Promise<{ total: null; used: null; free: null }> {
    return { total: null, used: null, free: null };
  }
  override async makeFolder(): Promise<void> {}
  override async rename(_remote: EngineRemote, from: RemotePath, to: RemotePath): Promise<void> {
    this.put(to, this.files.get(from) ?? '');
    this.drop(from);
  }
  override async close(): Promise<void> {}

  private spend(): void {
    if (this.budget-- <= 0) throw new TransferError('temporary', 'the connection was cut');
  }
}

function resultOf(changes: number, { options }: TransferOperation): TransferResult {
  return {
    engine: { rclone: 'memory' },
    dryRun: options.dryRun === true,
    bytes: 0,
    files: { created: changes, updated: 0, deleted: 0, unchanged: 0, failed: 0 },
    failedFiles: [],
    durationMs: 0,
    bytesPerSecond: 0,
    verification: null,
    plan: null,
  };
}

export const memoryRemote: EngineRemote = {
  id: '00000000-0000-7000-8000-000000000001',
  type: 's3',
  root: '',
  version: 1,
  options: {},
  parts: [],
};
export const path = parseRemotePath;
