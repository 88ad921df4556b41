import { KnownRemotes } from './known-remotes.js';
import type { RcloneProcess } from './rclone-process.js';
import type { EngineRemote } from './transfer-engine.js';

/**
 * Is told of a token that rclone has renewed, so that it is kept: of some services the old one is worth nothing from
 * then on. `before` is what it has replaced, for whoever must not overwrite a newer one.
 */
export type OnToken = (change: { remoteId: string; before: string; after: string }) => void | Promise<void>;

/** Looks for renewed tokens in a process in which `remotes` were made known, in this order. */
export class TokenWatch {
  private readonly tokens: { section: string; remoteId: string; token: string }[];

  constructor(
    private readonly process: Pick<RcloneProcess, 'call'>,
    remotes: readonly EngineRemote[],
    private readonly onToken: OnToken,
  ) {
    this.tokens = new KnownRemotes(remotes).sections.flatMap(({ name, renews, parameters: { token } }) =>
      renews !== null && typeof token === 'string' ? [{ section: name, remoteId: renews, token }] : [],
    );
  }

  /** To be called after each use, while the process lives. Never throws. */
  async check(): Promise<void> {
    for (const known of this.tokens) {
      const after = await this.read(known.section);
      if (after === null || after === known.token) continue;
      const { remoteId, token: before } = known;
      known.token = after;
      try {
        await this.onToken({ remoteId, before, after });
      } catch {
        // The work is done all the same; told again after the next use.
        known.token = before;
      }
    }
  }

  private async read(name: string): Promise<string | null> {
    try {
      const { token } = await this.process.call('config/get', { name });
      return typeof token === 'string' && token !== '' ? token : null;
    } catch {
      // It is gone, and what it knew with it.
      return null;
    }
  }
}
