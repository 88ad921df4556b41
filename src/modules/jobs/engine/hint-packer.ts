import type { PlacedHint } from '../../../kernel/queue/index.js';
import type { DispatchedJob } from './dispatch.repository.js';
import { ownerOf } from './fair-turns.js';

/** Minutes by which the first hint of an owner may overtake the later ones of others. */
const HEAD_START = 10;
/** Places of one priority: minutes of 145 days, so that all priorities fit into what BullMQ orders by (2^21). */
const PLACES = 209_000;
/** Owners remembered; a forgotten one is taken for new. */
const MAX_OWNERS = 10_000;

/**
 * Where a hint stands among those that wait in the queue, lower first: by priority, and within one priority by the
 * minute of its dispatch, where first hints of an owner have a head start. It is bounded, so that a steady stream of
 * other owners cannot keep a hint waiting for ever. When the minutes start anew, older hints stand behind newer ones
 * until the queue has been empty once.
 */
export function placeOf(priority: number, isFirst: boolean, dispatchedAt: number): number {
  const minute = Math.floor(dispatchedAt / 60_000) % (PLACES - HEAD_START);
  return 1 + (priority - 1) * PLACES + minute + (isFirst ? 0 : HEAD_START);
}

/**
 * Packs what was dispatched together into hints: jobs of one type and priority, up to the type's size. The first job
 * of an owner who has had none among as many hints as wait travels in another hint than the rest, because it may
 * overtake hints that wait: else a full queue would hold it up although its turn has come.
 */
export class HintPacker {
  private packed = 0;
  /** By owner: how many hints had been packed when the last of its firsts was. */
  private readonly firsts = new Map<string, number>();

  pack(
    jobs: readonly DispatchedJob[],
    waiting: number,
    sizeOf: (type: string) => number,
  ): (PlacedHint & { readonly place: number })[] {
    const groups = new Map<string, { isFirst: boolean; jobs: DispatchedJob[] }>();
    for (const job of jobs) {
      const isFirst = this.isFirst(`${job.priority} ${ownerOf(job)}`, waiting);
      const key = `${job.priority} ${isFirst} ${job.type}`;
      const group = groups.get(key);
      if (group) group.jobs.push(job);
      else groups.set(key, { isFirst, jobs: [job] });
    }
    const hints = [...groups.values()].flatMap((group) => {
      const { type, priority } = group.jobs[0]!;
      const size = sizeOf(type);
      return Array.from({ length: Math.ceil(group.jobs.length / size) }, (_, index) => {
        const part = group.jobs.slice(index * size, (index + 1) * size);
        const dispatchedAt = Math.min(...part.map((job) => job.dispatchedAt.getTime()));
        return {
          jobs: part.map(({ id, dispatchNo }) => [id, dispatchNo] as const),
          dispatchedAt,
          place: placeOf(priority, group.isFirst, dispatchedAt),
        };
      });
    });
    this.packed += hints.length;
    return hints;
  }

  private isFirst(owner: string, waiting: number): boolean {
    const last = this.firsts.get(owner);
    if (last !== undefined && (last === this.packed || this.packed - last < waiting)) return false;
    this.firsts.delete(owner);
    this.firsts.set(owner, this.packed);
    if (this.firsts.size > MAX_OWNERS) this.firsts.delete(this.firsts.keys().next().value!);
    return true;
  }
}
