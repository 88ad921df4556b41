import { partsOf } from '../definition/limit-key.js';

/** A waiting job that may be its key's turn; `rank` counts from 1 within its key. */
export interface Candidate {
  readonly id: string;
  readonly limitKey: string;
  readonly rank: number;
}

/** How many jobs of one type may still start. Parts that are not named are free. */
export interface Allowance {
  /** In all. */
  readonly jobs: number;
  /** For each key of the limit; Infinity where the type has none. */
  readonly ofLimit: (part: string) => number;
  /** For each key of the rate. */
  readonly ofRate: (part: string) => number;
}

/** How many jobs of one key may start if none of another one does. */
export function allowanceOf(limitKey: string, { jobs, ofLimit, ofRate }: Allowance): number {
  const { limit, rate } = partsOf(limitKey);
  return Math.max(0, Math.min(jobs, ofLimit(limit), ofRate(rate)));
}

/**
 * Which of the candidates start: one of each key, then a second one of each, and so on, so that a key with many
 * jobs does not come before one with few. Keys are visited in the order of `keys`. Never more than is allowed, also
 * where several keys share a part of theirs.
 */
export function plan(
  candidates: readonly Candidate[],
  keys: readonly string[],
  allowance: Allowance,
): Candidate[] {
  const place = new Map(keys.map((key, index) => [key, index]));
  const placeOf = ({ limitKey }: Candidate): number => place.get(limitKey) ?? keys.length;
  const inOrder = candidates.toSorted((a, b) => a.rank - b.rank || placeOf(a) - placeOf(b));
  const ofLimit = new Map<string, number>();
  const ofRate = new Map<string, number>();
  const taken: Candidate[] = [];
  for (const candidate of inOrder) {
    if (taken.length >= allowance.jobs) break;
    const { limit, rate } = partsOf(candidate.limitKey);
    const [limited, rated] = [ofLimit.get(limit) ?? 0, ofRate.get(rate) ?? 0];
    if (limited >= allowance.ofLimit(limit) || rated >= allowance.ofRate(rate)) continue;
    ofLimit.set(limit, limited + 1);
    ofRate.set(rate, rated + 1);
    taken.push(candidate);
  }
  return taken;
}
