import { compileSegment, matchesSegment, type Segment, type Steps } from './segment.js';

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

/** Whether upper and lower case are one, as they are on some remotes. */
export interface Spelling {
  readonly ignoresCase: boolean;
}

/** What one name is compared by: NFC, and in lower case where the remote knows no difference. */
export function nameKey(name: string, { ignoresCase }: Spelling): string {
  const composed = name.normalize('NFC');
  if (!ignoresCase) return composed;
  // By the single character, because in a word some letters have another lower case at its end (the Greek sigma).
  return Array.from(composed, (character) => character.toLowerCase())
    .join('')
    .normalize('NFC');
}

/** The keys of a path, one for each folder on the way and the last name; none for the root. */
export function pathKeys(path: string, spelling: Spelling): string[] {
  return path
    .split('/')
    .filter((name) => name !== '')
    .map((name) => nameKey(name, spelling));
}

export function compileGlob(text: string, spelling: Spelling): Glob {
  const segments = pathKeys(text, spelling);
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
export function covers({ runs }: Glob, path: readonly string[], steps?: Steps): boolean {
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
export function reachesBelow(glob: Glob, path: readonly string[]): boolean {
  return glob.runs.length > 1 ? runBegins(glob.runs[0]!, path) : restBelow(glob, path) !== null;
}

/**
 * The segments of the glob that are left below `path`; null where it names nothing there. Asked only of a glob
 * without `**`.
 */
export function restBelow({ runs }: Glob, path: readonly string[]): readonly Segment[] | null {
  const run = runs[0]!;
  return run.length > path.length && runBegins(run, path) ? run.slice(path.length) : null;
}

function runFits(run: readonly Segment[], path: readonly string[], at: number, steps?: Steps): boolean {
  return (
    run.length + at <= path.length && run.every((one, index) => matchesSegment(one, path[at + index]!, steps))
  );
}

/** Whether run and path agree as far as both go. */
function runBegins(run: readonly Segment[], path: readonly string[]): boolean {
  return run.slice(0, path.length).every((one, index) => matchesSegment(one, path[index]!));
}
