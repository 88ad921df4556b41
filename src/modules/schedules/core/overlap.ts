export const OVERLAP_POLICIES = ['allow', 'skip', 'queue_one', 'cancel_previous'] as const;
export type OverlapPolicy = (typeof OVERLAP_POLICIES)[number];

/** What a slot waits for; null for one whose time has just come. */
export type WaitsFor = 'previous_job' | 'spacing' | 'backfill' | null;

/** A slot that could make its job now. */
export interface Candidate {
  readonly id: string;
  readonly waitsFor: WaitsFor;
  /** Whether its job counts towards `maxRuns`. Of a backfill it never does. */
  readonly counts: boolean;
}

export interface OverlapPlan {
  readonly fire: readonly string[];
  /** The one that waits (on) until the rule's job has ended. */
  readonly park: string | null;
  readonly skip: readonly { readonly id: string; readonly reason: 'superseded' | 'max_runs' | null }[];
}

/**
 * What becomes of the slots whose time has come, in their order, when a job of the rule is open (`busy`) or not.
 * `cancel_previous` cancels first: `busy` then says whether a job is open all the same, because it has to stop.
 *
 * Under every policy but `allow` at most one fires, and only while nothing is open, so no two jobs of the plan run
 * side by side. A backfill stays in its line: it fires when nothing else wants to, and is never skipped.
 */
export function decideOverlap(
  policy: OverlapPolicy,
  busy: boolean,
  candidates: readonly Candidate[],
  runsLeft: number,
): OverlapPlan {
  if (policy === 'allow') return all(candidates, runsLeft);
  const skip: { id: string; reason: 'superseded' | 'max_runs' | null }[] = [];
  const wanting = candidates.filter(({ id, waitsFor, counts }) => {
    if (waitsFor === 'backfill') return false;
    if (!counts || runsLeft > 0) return true;
    skip.push({ id, reason: 'max_runs' });
    return false;
  });
  const line = candidates.find(({ waitsFor }) => waitsFor === 'backfill');
  if (wanting.length === 0) return { fire: line && !busy ? [line.id] : [], park: null, skip };

  if (policy === 'cancel_previous') {
    const last = wanting.at(-1)!;
    skip.push(...wanting.slice(0, -1).map(({ id }) => ({ id, reason: 'superseded' as const })));
    return busy ? { fire: [], park: last.id, skip } : { fire: [last.id], park: null, skip };
  }
  const fire = busy ? [] : wanting.slice(0, 1);
  const left = runsLeft - fire.filter(({ counts }) => counts).length;
  let park: string | null = null;
  for (const { id, counts } of wanting.slice(fire.length))
    if (counts && left <= 0) skip.push({ id, reason: 'max_runs' });
    else if (policy === 'queue_one' && park === null) park = id;
    else skip.push({ id, reason: null });
  return { fire: fire.map(({ id }) => id), park, skip };
}

function all(candidates: readonly Candidate[], runsLeft: number): OverlapPlan {
  let left = runsLeft;
  const fire: string[] = [];
  const skip: { id: string; reason: 'max_runs' }[] = [];
  for (const { id, counts } of candidates) {
    if (counts && left <= 0) {
      skip.push({ id, reason: 'max_runs' });
      continue;
    }
    fire.push(id);
    if (counts) left -= 1;
  }
  return { fire, park: null, skip };
}
