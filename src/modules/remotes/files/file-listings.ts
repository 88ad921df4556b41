import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Hub } from '../../../kernel/realtime/index.js';
import {
  type EngineRemote,
  type FileEntry,
  type RemotePart,
  TransferEngine,
} from '../engine/transfer-engine.js';
import { ROOT, type RemotePath } from '../remote-path.js';
import { REMOTE_FILES_CHANGED_TOPIC, type RemoteFilesChanged } from '../remotes.events.js';
import { Changes, idsOf } from './changes.js';
import { ListingCache } from './listing-cache.js';

/**
 * What is in the folders of remotes, for everybody: at most 60 seconds old (S1-34). What a job or a request of any
 * process has changed is seen at once here, and in other processes as soon as their hub hears of it.
 */
@Injectable()
export class FileListings implements OnModuleInit {
  private readonly cache = new ListingCache();

  constructor(
    private readonly engine: TransferEngine,
    private readonly hub: Hub,
  ) {}

  onModuleInit(): void {
    this.hub.subscribe(REMOTE_FILES_CHANGED_TOPIC, (message) =>
      this.cache.forget(new Changes(message as RemoteFilesChanged)),
    );
    this.hub.onReconnect(() => this.cache.clear());
  }

  /** In the order of their names. Throws what `TransferEngine.list` throws. */
  list(remote: EngineRemote, path: RemotePath): Promise<readonly FileEntry[]> {
    const { id: remoteId, version, parts } = remote;
    return this.cache.get({ remoteId, partIds: idsOf(parts), version, path }, () =>
      this.engine.list(remote, path),
    );
  }

  /**
   * To be called when something was written, renamed or deleted at `path` or below it, also when that ended in an
   * error. `parts` of a remote that is made of others: what is remembered of those is then forgotten, too.
   */
  changed(remoteId: string, path: RemotePath = ROOT, parts: readonly RemotePart[] = []): void {
    this.hub.publish(REMOTE_FILES_CHANGED_TOPIC, Changes.at({ remoteId, partIds: idsOf(parts) }, path));
  }
}
