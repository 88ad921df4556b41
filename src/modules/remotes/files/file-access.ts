import { Injectable } from '@nestjs/common';
import type { Actor } from '../../../kernel/auth/index.js';
import { Database } from '../../../kernel/database/index.js';
import { UserError } from '../../../kernel/http/index.js';
import type { EngineRemote } from '../engine/transfer-engine.js';
import { lockPlaces } from '../locks/lock-places.js';
import { PathLocks } from '../locks/path-locks.js';
import type { FileRight, PathFilter } from '../permissions/path-rules.js';
import { RemoteAccess } from '../permissions/remote-access.js';
import type { RemotePath } from '../remote-path.js';
import { RemotesService } from '../remotes.service.js';
import { fileProblem } from './file-problem.js';

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
    private readonly locks: PathLocks,
  ) {}

  /** For looking. `filter` says what of it may be shown; null: everything. 404 and 403 as `RemoteAccess.demand`. */
  async look(actor: Actor, id: string): Promise<{ remote: EngineRemote; filter: PathFilter | null }> {
    const { read } = this.database.as(actor);
    const { remote, standing } = await this.remotes.forWork(read, actor, id, 'remote', 'read');
    return { remote, filter: standing.filter() };
  }

  /**
   * What the far side was asked, with its troubles as `fileProblem` tells them. One that refuses what the remote logs
   * in with is looked at again at once, so that everybody sees why nothing works there.
   */
  async asked<T>({ id }: EngineRemote, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      await this.remotes.sawProblem([id], error);
      throw fileProblem(error);
    }
  }

  /**
   * For changing something: every wish must be granted, and no job may be writing there: 409 `place_in_use`. A job
   * that only reads does not stand in the way, and nothing is held: one that begins meanwhile does not wait.
   */
  async demand(actor: Actor, id: string, first: Wish, ...others: readonly Wish[]): Promise<EngineRemote> {
    const { read } = this.database.as(actor);
    const wishes = [first, ...others];
    for (const [right, path] of wishes) await this.access.demand(read, actor, id, right, path);
    const remote = await this.remotes.forEngine(read, actor, id, 'remote', first[0]);
    const writer = await this.locks.writerAt(wishes.flatMap(([, path]) => lockPlaces(remote, path, true)));
    if (writer !== null) throw placeInUse(writer);
    return remote;
  }
}

const placeInUse = (jobId: string): UserError =>
  UserError.conflict(
    'place_in_use',
    `The job ${jobId} writes here just now; ask again when it has ended, or cancel it.`,
  );
