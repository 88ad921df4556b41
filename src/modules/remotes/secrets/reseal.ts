import { Injectable } from '@nestjs/common';
import { BEFORE_ALL, Database } from '../../../kernel/database/index.js';
import { RemoteSecrets } from './remote-secrets.js';
import { SealedSecretsRepository, type SealedSecrets } from './sealed-secrets.repository.js';

const BATCH = 100;

export interface Resealed {
  /** Sealed anew by this run. */
  readonly resealed: number;
  /** Under the key of now already. */
  readonly current: number;
  /** Ids of remotes whose secrets no key of now opens. */
  readonly unreadable: readonly string[];
}

/**
 * Seals the secrets of all remotes under the key of now. Each is a transaction of its own, so a run that is killed
 * leaves every remote readable with one of the two keys, and the next run goes on where it ended. The content stays
 * the same, so neither versions nor running jobs notice.
 */
@Injectable()
export class Reseal {
  constructor(
    private readonly database: Database,
    private readonly secrets: RemoteSecrets,
    private readonly sealed: SealedSecretsRepository,
  ) {}

  async run(onDone: (done: number) => void = () => undefined): Promise<Resealed> {
    const { read } = this.database.system('reseal remotes');
    const counts = { resealed: 0, current: 0 };
    const unreadable: string[] = [];
    for (let after = BEFORE_ALL; ;) {
      const batch = await this.sealed.after(read, after, BATCH);
      for (const row of batch) {
        const outcome = await this.one(row);
        if (outcome === 'unreadable') unreadable.push(row.id);
        else counts[outcome]++;
        onDone(counts.resealed);
      }
      const last = batch.at(-1);
      if (!last || batch.length < BATCH) return { ...counts, unreadable };
      after = last.id;
    }
  }

  private async one(row: SealedSecrets): Promise<'resealed' | 'current' | 'unreadable'> {
    const scope = this.database.system('reseal remotes');
    let current: SealedSecrets | null = row;
    while (current !== null) {
      const now: SealedSecrets = current;
      const renewed = this.secrets.renewed(now.id, now.secrets);
      if (renewed === null) return 'current';
      if (renewed === 'unreadable') return 'unreadable';
      if (await scope.tx((tx) => this.sealed.replace(tx, now, renewed))) return 'resealed';
      // A person or a provider was faster, perhaps in a process that does not have the new key yet.
      const secrets = await this.sealed.of(scope.read, now.id);
      current = secrets && { id: now.id, secrets };
    }
    return 'current';
  }
}
