import { Injectable } from '@nestjs/common';
import type { Actor } from '../../../kernel/auth/index.js';
import { Database } from '../../../kernel/database/index.js';
import type { EngineRemote } from '../engine/transfer-engine.js';
import type { FileRight, PathFilter } from '../permissions/path-rules.js';
import { RemoteAccess } from '../permissions/remote-access.js';
import type { RemotePath } from '../remote-path.js';
import { RemotesService } from '../remotes.service.js';

/** What is asked of one path. */
export type Wish = readonly [right: FileRight, path: RemotePath];

/**
 * Opens remotes for what people do with single files. Rights are asked before the far side is: an answer about a
 * path that somebody may not touch would tell whether it exists.
 */
@Injectable()
export class FileAccess {
  constructor(
    private readonly database: Database,
    private readonly access: RemoteAccess,
    private readonly remotes: RemotesService,
  ) {}

  /** For looking. `filter` says what of it may be shown; null: everything. 404 and 403 as `RemoteAccess.demand`. */
  async look(actor: Actor, id: string): Promise<{ remote: EngineRemote; filter: PathFilter | null }> {
    const { read } = this.database.as(actor);
    const filter = await this.access.visible(read, actor, id);
    return { remote: await this.remotes.forEngine(read, actor, id, 'remote', 'read'), filter };
  }

  /** For changing something: every wish must be granted. */
  async demand(actor: Actor, id: string, ...wishes: readonly [Wish, ...Wish[]]): Promise<EngineRemote> {
    const { read } = this.database.as(actor);
    for (const [right, path] of wishes) await this.access.demand(read, actor, id, right, path);
    return this.remotes.forEngine(read, actor, id, 'remote', wishes[0][0]);
  }
}
