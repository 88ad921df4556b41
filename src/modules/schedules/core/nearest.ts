/**
 * The candidate that takes the fewest typing slips (one letter added, left out, replaced, or two swapped) from
 * `text`, if it takes at most `limit`. Compares without case.
 */
export function nearest(text: string, candidates: readonly string[], limit: number): string | undefined {
  let best: string | undefined;
  let fewest = limit + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - text.length) >= fewest) continue;
    const slips = slipsBetween(text.toLowerCase(), candidate.toLowerCase());
    if (slips < fewest) {
      fewest = slips;
      best = candidate;
    }
  }
  return best;
}

/** Optimal string alignment distance. */
function slipsBetween(left: string, right: string): number {
  let twoBack: number[] = [];
  let oneBack = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1];
      let slips = Math.min(
        oneBack[column]! + 1,
        current[column - 1]! + 1,
        oneBack[column - 1]! + (same ? 0 : 1),
      );
      if (left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]) {
        slips = Math.min(slips, (twoBack[column - 2] ?? Infinity) + 1);
      }
      current.push(slips);
    }
    twoBack = oneBack;
    oneBack = current;
  }
  return oneBack[right.length]!;
}
