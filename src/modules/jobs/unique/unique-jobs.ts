import { Injectable } from '@nestjs/common';
import type { Tx } from '../../../kernel/database/index.js';
import type { JobDefinition } from '../definition/define-job.js';
import { uniqueKeyOf } from '../definition/limit-key.js';
import { JobKeysRepository } from './job-keys.repository.js';

export interface Claimant {
  readonly id: string;
  readonly userId: string | null;
  readonly payload: unknown;
}

/**
 * At most one open job per key of types that are unique (S2-24). The key is taken in the transaction that makes the
 * job, under a primary key, so of any number of requests side by side exactly one makes it. It is given up lazily:
 * whoever comes finds that its job has started or ended, and takes it over.
 */
@Injectable()
export class UniqueJobs {
  constructor(private readonly keys: JobKeysRepository) {}

  /**
   * Null: the key is the claimant's, or its type is not unique. Otherwise the id of the open job that has it. Several
   * in one transaction should be claimed in the order of `sortKeyOf`, or two such transactions may block each other.
   */
  async claim(tx: Tx, definition: JobDefinition, claimant: Claimant): Promise<string | null> {
    const key = uniqueKeyOf(definition, claimant.payload, claimant);
    if (!key) return null;
    const { name: type, unique } = definition;
    const row = { type, key, userId: claimant.userId, jobId: claimant.id };
    for (;;) {
      if (await this.keys.add(tx, row)) return null;
      const holder = await this.keys.lock(tx, type, key);
      if (holder === null) continue; // swept away in between
      if (holder === claimant.id) return null;
      const keeps =
        unique?.until === 'started'
          ? await this.keys.isWaiting(tx, holder)
          : await this.keys.isOpen(tx, holder);
      if (keeps) return holder;
      await this.keys.give(tx, type, key, claimant.id);
      return null;
    }
  }

  /** For an order that is the same in every transaction. */
  sortKeyOf(definition: JobDefinition, claimant: Omit<Claimant, 'id'>): string {
    const key = uniqueKeyOf(definition, claimant.payload, claimant);
    return key ? `${definition.name} ${key.toString('hex')}` : '';
  }
}
