import { nameKey, type Spelling } from './name-key.js';
import { compileSegment, matchesSegment, nameOf, type Name, type Segment, type Steps } from './segment.js';

/**
 * Globs of path rules. A glob names places segment by segment, and **everything below what it names**: whoever may
 * not see a folder may not see what is in it, and whoever is given a folder is given its content. So `/public`,
 * `/public/`, `/public/*` and `/public/**` are the same. Elsewhere `**` stands for any number of folders, also none.
 *
 * Names are compared by their keys (`nameKey`), so that one name has no two spellings, one of which a rule forgets.
 */
export interface Glob {
  /**
   * Segments between the `**`. The first run is at the root; each of the others anywhere below what the one before
   * has found. Without any `**` there is one run; the root itself is one that is empty.
   */
  readonly runs: readonly (readonly Segment[])[];
}

const keysOf = (path: string, spelling: Spelling): string[] =>
  path
    .split('/')
    .filter((name) => name !== '')
    .map((name) => nameKey(name, spelling));

/** The keys of a path, one for each folder on the way and the last name; none for the root. */
export const pathKeys = (path: string, spelling: Spelling): Name[] => keysOf(path, spelling).map(nameOf);

export function compileGlob(text: string, spelling: Spelling): Glob {
  const segments = keysOf(text, spelling);
  if (segments.at(-1) === '*') segments.pop();
  const runs: Segment[][] = [[]];
  for (const segment of segments)
    if (segment !== '**') runs.at(-1)!.push(compileSegment(segment));
    else if (runs.length === 1 || runs.at(-1)!.length > 0) runs.push([]);
  // What is below belongs to it anyhow.
  while (runs.length > 1 && runs.at(-1)!.length === 0) runs.pop();
  return { runs };
}

/** Whether the glob names this place or one above it. */
export function covers({ runs }: Glob, path: readonly Name[], steps?: Steps): boolean {
  const [first, ...others] = runs;
  if (!runFits(first!, path, 0, steps)) return false;
  let at = first!.length;
  for (const run of others) {
    // The first place is as good as any: what follows may be anywhere below.
    while (at + run.length <= path.length && !runFits(run, path, at, steps)) at += 1;
    at += run.length;
    if (at > path.length) return false;
  }
  return true;
}

/** Whether the glob names some place below this one. */
export function reachesBelow(glob: Glob, path: readonly Name[]): boolean {
  const [first] = glob.runs;
  return (glob.runs.length > 1 || first!.length > path.length) && runBegins(first!, path);
}

/**
 * What the glob names below a place that it does not name: the globs that say the same from there. None where it names
 * nothing below; several where the place may be part of what `**` stands for or of what comes after.
 */
export function restsBelow({ runs }: Glob, path: readonly Name[]): Glob[] {
  const [first, ...others] = runs;
  if (first!.length > path.length)
    return runBegins(first!, path) ? [{ runs: [first!.slice(path.length), ...others] }] : [];
  if (!runFits(first!, path, 0)) return [];
  let at = first!.length;
  for (const [index, run] of others.entries()) {
    // As in `covers`, the first place is as good as any.
    const found = placeOf(run, path, at);
    if (found !== null) {
      at = found + run.length;
      continue;
    }
    const later = others.slice(index + 1);
    const rests: Glob[] = [{ runs: [[], ...others.slice(index)] }];
    for (let begun = 1; begun < run.length && begun <= path.length - at; begun += 1)
      if (runFits(run.slice(0, begun), path, path.length - begun))
        rests.push({ runs: [run.slice(begun), ...later] });
    return rests;
  }
  return [];
}

function placeOf(run: readonly Segment[], path: readonly Name[], from: number): number | null {
  for (let at = from; at + run.length <= path.length; at += 1) if (runFits(run, path, at)) return at;
  return null;
}

/** As it is written. */
export const globText = ({ runs }: Glob): string =>
  runs
    .map((run) => run.map(({ text }) => text).join('/'))
    .join('/**/')
    .replace(/^\//, '');

function runFits(run: readonly Segment[], path: readonly Name[], at: number, steps?: Steps): boolean {
  return (
    run.length + at <= path.length && run.every((one, index) => matchesSegment(one, path[at + index]!, steps))
  );
}

/** Whether run and path agree as far as both go. */
function runBegins(run: readonly Segment[], path: readonly Name[]): boolean {
  return run.slice(0, path.length).every((one, index) => matchesSegment(one, path[index]!));
}
