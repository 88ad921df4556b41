import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Hub } from '../../kernel/realtime/index.js';
import { type EngineRemote, type FileEntry, TransferEngine } from './engine/transfer-engine.js';
import { ListingCache } from './listing-cache.js';
import type { RemotePath } from './remote-path.js';
import { REMOTE_FILES_CHANGED_TOPIC, type RemoteFilesChanged } from './remotes.events.js';

/**
 * What is in the folders of remotes. At most 60 seconds old (S1-34); what a job of any process has written is
 * seen at once here, and in other processes as soon as their hub hears of it.
 */
@Injectable()
export class FileListings implements OnModuleInit {
  private readonly cache = new ListingCache();

  constructor(
    private readonly engine: TransferEngine,
    private readonly hub: Hub,
  ) {}

  onModuleInit(): void {
    this.hub.subscribe(REMOTE_FILES_CHANGED_TOPIC, (message) => {
      const { remoteId } = message as Partial<RemoteFilesChanged>;
      if (remoteId !== undefined) this.cache.forget(remoteId);
    });
    this.hub.onReconnect(() => this.cache.clear());
  }

  /** In the order of their names. Throws what `TransferEngine.list` throws. */
  list(remote: EngineRemote, version: number, path: RemotePath): Promise<readonly FileEntry[]> {
    return this.cache.get({ remoteId: remote.id, version, path }, () => this.engine.list(remote, path));
  }

  /** To be called when files of the remote have been written. */
  changed(remoteId: string): void {
    const message: RemoteFilesChanged = { remoteId };
    this.hub.publish(REMOTE_FILES_CHANGED_TOPIC, message);
  }
}
