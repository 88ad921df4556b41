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

  /** Null: the key is the claimant's, or its type is not unique. Otherwise the id of the open job that has it. */
  async claim(tx: Tx, definition: JobDefinition, claimant: Claimant): Promise<string | null> {
    const [holder] = await this.claimMany(tx, [{ definition, claimant }]);
    return holder ?? null;
  }

  /**
   * The same for many, in their order; of those with one key the first has it. Taken in an order that is the same in
   * every transaction, or two with the same keys would block each other.
   */
  async claimMany(
    tx: Tx,
    wanted: readonly { readonly definition: JobDefinition; readonly claimant: Claimant }[],
  ): Promise<(string | null)[]> {
    const holders = wanted.map((): string | null => null);
    const keyed = wanted.flatMap(({ definition, claimant }, index) => {
      const key = uniqueKeyOf(definition, claimant.payload, claimant);
      return key
        ? [{ index, definition, claimant, key, order: `${definition.name} ${key.toString('hex')}` }]
        : [];
    });
    const mine = new Map<string, string>();
    for (const { index, definition, claimant, key, order } of keyed.toSorted(inOrder)) {
      const first = mine.get(order);
      holders[index] = first ?? (await this.take(tx, definition, claimant, key));
      mine.set(order, holders[index] ?? claimant.id);
    }
    return holders;
  }

  private async take(
    tx: Tx,
    { name: type, unique }: JobDefinition,
    { id: jobId, userId }: Claimant,
    key: Buffer,
  ): Promise<string | null> {
    for (;;) {
      if (await this.keys.add(tx, { type, key, userId, jobId })) return null;
      const holder = await this.keys.lock(tx, type, key);
      if (holder === null) continue; // swept away in between
      if (holder === jobId) return null;
      const keeps =
        unique?.until === 'started'
          ? await this.keys.isWaiting(tx, holder)
          : await this.keys.isOpen(tx, holder);
      if (keeps) return holder;
      await this.keys.give(tx, type, key, jobId);
      return null;
    }
  }
}

type Ordered = { readonly order: string; readonly index: number };
const inOrder = (a: Ordered, b: Ordered): number =>
  a.order === b.order ? a.index - b.index : a.order < b.order ? -1 : 1;
