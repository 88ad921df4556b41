import { stat as localStat } from 'node:fs/promises';
import { ROOT, type RemotePath, displayPath } from '../../remote-path.js';
import type { Locator } from '../locator.js';
import { makeKnown } from '../make-known.js';
import { entriesOf, entryAt, isMissing, rootEntry } from '../rc-files.js';
import type { RcloneLauncher } from '../rclone-launcher.js';
import type { RcloneProcess } from '../rclone-process.js';
import { RemotePool } from '../remote-pool.js';
import { translated } from '../translated.js';
import { type EngineRemote, type FileEntry, FileNotFound } from '../transfer-engine.js';

const POOL = { max: 4, idleMs: 60_000 };

/** What people do with single files and folders, through a small pool of processes, one per remote. */
export class RcloneBrowsing {
  private readonly pool: RemotePool;

  constructor(
    private readonly launcher: RcloneLauncher,
    private readonly locator: Locator,
  ) {
    this.pool = new RemotePool((remote) => this.serve(remote), POOL);
  }

  async list(remote: EngineRemote, path: RemotePath): Promise<FileEntry[]> {
    return translated([remote.root], undefined, async () => {
      const { real } = await this.locator.locate([remote], { remoteId: remote.id, path });
      // rclone opens what it lists: a named pipe would keep its process busy until the call is given up.
      if (real !== null && (await isNoFolder(real)))
        throw new FileNotFound(`There is no folder at ${displayPath(path)}.`);
      try {
        return await this.pool.use(remote, (process) => entriesOf(process, 'r1:', path));
      } catch (error) {
        if (!isMissing(error)) throw error;
        throw new FileNotFound(`There is no folder at ${displayPath(path)}.`, { cause: error });
      }
    });
  }

  async stat(remote: EngineRemote, path: RemotePath): Promise<FileEntry | null> {
    return translated([remote.root], undefined, async () => {
      const { real } = await this.locator.locate([remote], { remoteId: remote.id, path });
      if (real !== null && path === ROOT) return rootEntry(real);
      return this.pool.use(remote, (process) => entryAt(process, 'r1:', path));
    });
  }

  async close(): Promise<void> {
    await this.pool.close();
  }

  /** A process of the pool, which knows its remote as `r1`. */
  private async serve(remote: EngineRemote): Promise<RcloneProcess> {
    const process = await this.launcher.launch(await this.launcher.command(), { jobExpiry: '60s' });
    try {
      await makeKnown(process, [remote]);
    } catch (error) {
      await process.kill();
      throw error;
    }
    return process;
  }
}

/** Whether something else than a folder is there. What is missing or unreadable is left for rclone to tell. */
async function isNoFolder(place: string): Promise<boolean> {
  const found = await localStat(place).catch(() => null);
  return found !== null && !found.isDirectory();
}
