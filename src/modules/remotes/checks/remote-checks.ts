import { Injectable } from '@nestjs/common';
import { Settings } from '../../../kernel/config/index.js';
import { Database, type Tx } from '../../../kernel/database/index.js';
import { AppError } from '../../../kernel/http/index.js';
import { Events } from '../../../kernel/realtime/index.js';
import { within } from '../../../kernel/time/index.js';
import { EngineRemotes } from '../engine-remotes.js';
import { type EngineRemote, FileNotFound, TransferEngine, TransferError } from '../engine/transfer-engine.js';
import { OutboundHosts } from '../outbound/outbound-hosts.js';
import type { RemoteEntity } from '../remote.entity.js';
import { ROOT } from '../remote-path.js';
import { REMOTE_STATUS_CHANGED, type RemoteStatusChangedData } from '../remotes.events.js';
import { RemotesRepository, type Checked } from '../remotes.repository.js';
import { withoutSecrets } from '../secrets/without-secrets.js';
import { RemoteChecksRepository } from './remote-checks.repository.js';

/** A person waits for the answer. */
const DEADLINE_MS = 10_000;
const MOST_CHARACTERS = 500;
/** At once in one process: each is a process of rclone for as long as it lasts. */
const AT_ONCE = 4;

/**
 * Finds out whether remotes can be reached and remembers it: `online`, `auth_error` when what they log in with is not
 * accepted, else `offline`, with a reason for people that holds no secret. A change of the status is an event.
 */
@Injectable()
export class RemoteChecks {
  private readonly used = new Set<string>();

  constructor(
    private readonly settings: Settings,
    private readonly database: Database,
    private readonly engine: TransferEngine,
    private readonly hosts: OutboundHosts,
    private readonly engineRemotes: EngineRemotes,
    private readonly remotes: RemotesRepository,
    private readonly checks: RemoteChecksRepository,
    private readonly events: Events,
  ) {}

  /** Within ten seconds. Throws `TransferError` of kind `unavailable` when there is nothing to look with. */
  async look(remote: EngineRemote): Promise<Checked> {
    try {
      return await within(this.reach(remote), DEADLINE_MS, tooLate);
    } catch (error) {
      if (error instanceof FileNotFound)
        return { status: 'offline', detail: 'The folder of this remote is not there.' };
      if (!(error instanceof TransferError) || error.kind === 'unavailable') throw error;
      const detail = withoutSecrets(error.message, remote).slice(0, MOST_CHARACTERS);
      return { status: error.kind === 'auth' ? 'auth_error' : 'offline', detail };
    }
  }

  /** What `look` finds; null without rclone, which says nothing about the remote. */
  async lookIfPossible(remote: EngineRemote): Promise<Checked | null> {
    try {
      return await this.look(remote);
    } catch (error) {
      if (error instanceof TransferError) return null;
      throw error;
    }
  }

  /** Does nothing when the remote has another version by now: then what was found is true of another place. */
  async record(
    tx: Tx,
    remote: Pick<RemoteEntity, 'id' | 'name' | 'ownerId'>,
    version: number,
    checked: Checked,
  ): Promise<void> {
    const from = await this.remotes.recordCheck(tx, remote.id, version, checked);
    if (from === null || from === checked.status) return;
    const { name, ownerId: userId, id: subjectId } = remote;
    const data: RemoteStatusChangedData = { name, from, to: checked.status, detail: checked.detail };
    await this.events.record(tx, [
      { type: REMOTE_STATUS_CHANGED, channel: 'remotes', userId, subjectId, data },
    ]);
  }

  /** Remotes that are worked with are looked at now and then. Remembered in memory until `checkDue`. */
  markUsed(remoteId: string): void {
    this.used.add(remoteId);
  }

  async saveUsed(): Promise<void> {
    if (this.used.size === 0) return;
    const ids = [...this.used];
    this.used.clear();
    await this.checks.markUsed(this.database.system('remote checks').read, ids);
  }

  /** Checks what is due, a few at a time, until nothing is. A claim keeps every other process from the same remote. */
  async checkDue(stopped: () => boolean): Promise<void> {
    const seconds = this.settings.remotesCheckSeconds;
    if (seconds === 0) return;
    const { read } = this.database.system('remote checks');
    for (let more = true; more && !stopped();) {
      const ids = await this.checks.claimDue(read, seconds, AT_ONCE);
      await Promise.all(ids.map((id) => this.checkOne(id)));
      more = ids.length === AT_ONCE;
    }
  }

  /** Checks these now, except those that are being checked or were found a moment ago to be refused their login. */
  async checkSoon(ids: readonly string[]): Promise<void> {
    const { read } = this.database.system('remote checks');
    const claimed = await this.checks.claimRefused(read, ids);
    for (let at = 0; at < claimed.length; at += AT_ONCE)
      await Promise.all(claimed.slice(at, at + AT_ONCE).map((id) => this.checkOne(id)));
  }

  private async checkOne(id: string): Promise<void> {
    const scope = this.database.system('remote checks');
    const remote = await this.remotes.find(scope.read, id);
    if (!remote) return;
    const checked = await this.lookAtStored(remote);
    if (checked) await scope.tx((tx) => this.record(tx, remote, remote.version, checked));
  }

  private async lookAtStored(remote: RemoteEntity): Promise<Checked | null> {
    try {
      const { read } = this.database.system('remote checks');
      return await this.lookIfPossible(await this.engineRemotes.of(read, remote));
    } catch (error) {
      // What it is made of cannot be used: its owner can mend that.
      if (!(error instanceof AppError)) throw error;
      return { status: 'offline', detail: error.message.slice(0, MOST_CHARACTERS) };
    }
  }

  private async reach(remote: EngineRemote): Promise<Checked> {
    if (remote.type === 'local') {
      // Works without rclone, too.
      if (await this.engine.stat(remote, ROOT)) return { status: 'online', detail: null };
      return { status: 'offline', detail: 'The folder of this remote is not there.' };
    }
    await this.hosts.assertReachable(remote);
    await this.engine.probe(remote);
    return { status: 'online', detail: null };
  }
}

const tooLate = (): TransferError =>
  new TransferError('temporary', `It did not answer within ${DEADLINE_MS / 1_000} seconds.`);
