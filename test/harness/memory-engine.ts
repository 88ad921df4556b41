import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import {
  type ByteRange,
  type EngineAvailability,
  type EngineRemote,
  type FileEntry,
  FileNotFound,
  TransferEngine,
  TransferError,
  type TransferResult,
  type Usage,
} from '../../src/modules/remotes/engine/transfer-engine.js';
import { ROOT, type RemotePath, baseName, parseRemotePath } from '../../src/modules/remotes/remote-path.js';
import type { TestApp } from './app.js';

const AT = '2026-11-20T09:00:00.000Z';

/** Files in memory behind the engine's port: counts what it is asked, and fails the way a test wants it to. */
export class MemoryEngine extends TransferEngine {
  /** Content by path; null is a folder. The root is always there. */
  readonly files = new Map<string, Buffer | null>();
  /** What was asked, such as `list a/b`. */
  readonly asked: string[] = [];
  /** Thrown by the next question of this name. */
  readonly failures = new Map<string, Error>();
  /** In place of the content of files. */
  source: ((path: RemotePath, range: ByteRange | null) => Readable) | null = null;
  /** In place of taking everything in. */
  sink: ((content: Readable, signal: AbortSignal) => Promise<Buffer>) | null = null;
  used = 0;

  /** From now on the application works on this instead of rclone. */
  static in(app: TestApp): MemoryEngine {
    const [memory, engine] = [new MemoryEngine(), app.get(TransferEngine)];
    for (const name of ['list', 'stat', 'usage', 'makeFolder', 'remove', 'rename', 'read', 'write'] as const)
      Object.assign(engine, { [name]: memory[name].bind(memory) });
    return memory;
  }

  /** As it was at first. */
  reset(): void {
    this.files.clear();
    this.failures.clear();
    this.asked.length = 0;
    this.source = this.sink = null;
  }

  put(path: string, content: string | Buffer | null = null): void {
    const parts = parseRemotePath(path).split('/');
    for (let depth = 1; depth < parts.length; depth++) this.files.set(parts.slice(0, depth).join('/'), null);
    this.files.set(parts.join('/'), content === null ? null : Buffer.from(content));
  }

  override async list(_remote: EngineRemote, path: RemotePath): Promise<FileEntry[]> {
    this.ask('list', path);
    if (path !== ROOT && this.files.get(path) !== null) throw new FileNotFound('There is no folder.');
    const prefix = path === ROOT ? '' : `${path}/`;
    return [...this.files.keys()]
      .filter((one) => one.startsWith(prefix) && one !== path && !one.slice(prefix.length).includes('/'))
      .map((one) => this.entry(one));
  }

  override async stat(_remote: EngineRemote, path: RemotePath): Promise<FileEntry | null> {
    this.ask('stat', path);
    return path === ROOT || this.files.has(path) ? this.entry(path) : null;
  }

  override async usage(): Promise<Usage> {
    this.ask('usage', ROOT);
    return { total: null, used: this.used, free: null };
  }

  override async makeFolder(_remote: EngineRemote, path: RemotePath): Promise<void> {
    this.ask('makeFolder', path);
    if (this.files.get(path)) throw new TransferError('exists', 'There is a file at this path.');
    this.put(path);
  }

  override async remove(_remote: EngineRemote, path: RemotePath): Promise<void> {
    this.ask('remove', path);
    if (!this.files.has(path)) throw new FileNotFound('There is nothing.');
    if ([...this.files.keys()].some((one) => one.startsWith(`${path}/`)))
      throw new TransferError('exists', 'The folder is not empty.');
    this.files.delete(path);
  }

  override async rename(_remote: EngineRemote, from: RemotePath, to: RemotePath): Promise<void> {
    this.ask('rename', `${from} ${to}`);
    if (this.files.has(to)) throw new TransferError('exists', 'Something is there already.');
    this.put(to, this.files.get(from) ?? '');
    this.files.delete(from);
  }

  override async read(_remote: EngineRemote, path: RemotePath, range: ByteRange | null): Promise<Readable> {
    this.ask('read', `${path} ${range ? `${range.from}-${range.to}` : 'all'}`);
    if (this.source) return this.source(path, range);
    const content = this.files.get(path);
    if (!content) throw new FileNotFound('There is no file.');
    return Readable.from([range ? content.subarray(range.from, range.to + 1) : content], {
      objectMode: false,
    });
  }

  override async write(
    _remote: EngineRemote,
    path: RemotePath,
    content: Readable,
    signal: AbortSignal,
  ): Promise<FileEntry> {
    this.ask('write', path);
    this.put(path, await (this.sink ?? buffer)(content, signal));
    return this.entry(path);
  }

  override availability(): Promise<EngineAvailability> {
    return Promise.resolve({ available: true, version: '0' });
  }

  override transfer(): Promise<TransferResult> {
    return Promise.reject(new Error('not part of this engine'));
  }

  override probe(): Promise<void> {
    return Promise.resolve();
  }

  override close(): Promise<void> {
    return Promise.resolve();
  }

  private ask(question: string, what: string): void {
    this.asked.push(`${question} ${what}`);
    const failure = this.failures.get(question);
    this.failures.delete(question);
    if (failure) throw failure;
  }

  private entry(path: string): FileEntry {
    const content = this.files.get(path);
    const valid = parseRemotePath(path);
    return {
      name: baseName(valid),
      path: valid,
      size: content?.length ?? null,
      isDir: !content,
      modifiedAt: AT,
    };
  }
}
