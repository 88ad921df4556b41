import { Injectable, type OnModuleInit } from '@nestjs/common';
import { pipeline, Readable } from 'node:stream';
import { createGunzip, createGzip } from 'node:zlib';
import { Settings } from '../../kernel/config/index.js';
import { DatabaseDump, Installation } from '../../kernel/database/index.js';
import { emptyReport, RetentionTasks, type RetentionReport } from '../../kernel/retention/index.js';
import { FileStore, type WrittenFile } from '../../kernel/storage/index.js';
import { Clock } from '../../kernel/time/index.js';
import { backupName, madeAt } from './backup-name.js';

const DAY_MS = 86_400_000;

export interface DatabaseBackup {
  /** Under which it is in the store. */
  readonly key: string;
  readonly madeAt: Date;
  readonly bytes: number;
}

export interface NewBackup extends WrittenFile {
  readonly key: string;
  /** Of all tables. */
  readonly rows: number;
}

/**
 * Backups of the whole database in the store, by day (S0-44, S0-46): a dump, packed by gzip, read back before it
 * counts. They hold everything the database holds, so the store must be as private as the database is.
 *
 * Old ones are removed with the daily cleanup (S0-47), but never the newest: an installation whose backups fail keeps
 * the last one it has.
 */
@Injectable()
export class DatabaseBackups implements OnModuleInit {
  private readonly prefix: string;

  constructor(
    private readonly store: FileStore,
    private readonly dump: DatabaseDump,
    private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly tasks: RetentionTasks,
    installation: Installation,
  ) {
    this.prefix = `backups/${installation.name}/`;
  }

  onModuleInit(): void {
    this.tasks.register({
      name: 'databaseBackups',
      run: ({ dryRun, signal }) => this.removeOld(dryRun, signal),
    });
  }

  /** Throws when what was read back is not what was written; then no backup is left of it. */
  async make(signal: AbortSignal, onTable: (name: string, rows: number) => void): Promise<NewBackup> {
    const key = await this.freeKey();
    let rows = 0;
    let size = 0;
    const count = (name: string, rowsOfIt: number): void => {
      rows += rowsOfIt;
      onTable(name, rowsOfIt);
    };
    const bytes = this.dump.bytes(signal, count);
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const chunk of bytes) {
        size += chunk.length;
        yield chunk;
      }
    }
    const packed = pipeline(Readable.from(counted(), { objectMode: false }), createGzip(), () => undefined);
    const written = await this.store.put(key, packed);
    if ((await this.unpackedSize(key, signal)) !== size) {
      await this.store.delete(key);
      throw new Error('The backup that was read back is not the one that was written.');
    }
    return { key, rows, ...written };
  }

  /** The newest first. */
  async list(): Promise<DatabaseBackup[]> {
    const found: DatabaseBackup[] = [];
    for await (const { key, bytes } of this.store.list(this.prefix)) {
      const at = madeAt(key.slice(this.prefix.length));
      if (at) found.push({ key, madeAt: at, bytes });
    }
    return found.toSorted((a, b) => b.madeAt.getTime() - a.madeAt.getTime());
  }

  /** The dump itself, unpacked. */
  async read(key: string): Promise<AsyncIterable<Uint8Array>> {
    const packed = await this.store.get(key);
    return pipeline(packed, createGunzip(), () => undefined);
  }

  /** Of this second, or the next one that has no backup: none takes the place of another, or goes in its stead. */
  private async freeKey(): Promise<string> {
    for (let at = this.clock.now(); ; at = new Date(at.getTime() + 1_000)) {
      const key = `${this.prefix}${backupName(at)}`;
      if (!(await this.store.stat(key))) return key;
    }
  }

  private async unpackedSize(key: string, signal: AbortSignal): Promise<number> {
    let size = 0;
    for await (const chunk of await this.read(key)) {
      signal.throwIfAborted();
      size += chunk.length;
    }
    return size;
  }

  private async removeOld(dryRun: boolean, signal: AbortSignal): Promise<RetentionReport> {
    const report = emptyReport();
    const { backupDays } = this.settings;
    if (backupDays === 0) return report;
    const limit = this.clock.now().getTime() - backupDays * DAY_MS;
    const [, ...older] = await this.list();
    for (const { key, madeAt: at } of older) {
      if (at.getTime() >= limit) continue;
      signal.throwIfAborted();
      if (!dryRun) await this.store.delete(key);
      report.removed++;
    }
    return report;
  }
}
