import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Settings } from '../../../kernel/config/index.js';
import { Hub } from '../../../kernel/realtime/index.js';
import { type EngineRemote, TransferEngine, TransferError, type Usage } from '../engine/transfer-engine.js';
import { localUsage } from '../local-folder.js';
import { REMOTE_FILES_CHANGED_TOPIC, type RemoteFilesChanged } from '../remotes.events.js';
import { idsOf } from './changes.js';
import { UsageCache } from './usage-cache.js';

/**
 * How much room there is on remotes, at most five minutes old (S1-34). Forgotten in all processes as soon as a job
 * or a request has written to the remote.
 */
@Injectable()
export class RemoteSpace implements OnModuleInit {
  private readonly cache = new UsageCache();

  constructor(
    private readonly engine: TransferEngine,
    private readonly settings: Settings,
    private readonly hub: Hub,
  ) {}

  onModuleInit(): void {
    this.hub.subscribe(REMOTE_FILES_CHANGED_TOPIC, (message) => {
      const { remoteId, partIds = [] } = message as RemoteFilesChanged;
      this.cache.forget([remoteId, ...partIds]);
    });
    this.hub.onReconnect(() => this.cache.clear());
  }

  /** `fresh`: look again, together with everybody who is looking already. Throws what `TransferEngine.usage` throws. */
  of(remote: EngineRemote, fresh = false): Promise<Usage> {
    const { id: remoteId, version, parts } = remote;
    const key = { remoteId, partIds: idsOf(parts), version };
    return this.cache.get(key, fresh, () => this.look(remote));
  }

  /** A local folder can be asked about without rclone. */
  private async look(remote: EngineRemote): Promise<Usage> {
    if (remote.type !== 'local') return this.engine.usage(remote);
    try {
      return await localUsage(remote.root, this.settings.localRoots);
    } catch (cause) {
      throw new TransferError('not_found', 'The folder of this remote cannot be examined; check it.', {
        cause,
      });
    }
  }
}
