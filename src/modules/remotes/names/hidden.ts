import { isSameOrInside, type RemotePath } from '../remote-path.js';
import { covers, globText, pathKeys, type Glob } from './glob.js';
import type { Spelling } from './name-key.js';
import { shapeOfName } from './name-shape.js';
import { expression, type Shape } from './shape.js';

/** What is left alone below a folder, with everything in it: a place, or every place that a pattern fits. */
export type Hidden = RemotePath | HiddenPattern;

/**
 * What a glob names below a folder, for those who compare names character by character: `runs` has every path that
 * the glob names in each of its spellings, and hardly any other (`shapeOfName`). The first run is at the folder, each
 * of the others anywhere below what the one before has found.
 */
export interface HiddenPattern {
  readonly glob: Glob;
  readonly spelling: Spelling;
  /** Names, each a list of shapes. */
  readonly runs: readonly (readonly (readonly Shape[])[])[];
}

/** Null where it cannot be said. */
export function hiddenPattern(glob: Glob, spelling: Spelling): HiddenPattern | null {
  const runs: (readonly Shape[])[][] = [];
  for (const run of glob.runs) {
    const names: (readonly Shape[])[] = [];
    for (const { text } of run) {
      const shape = shapeOfName(text, spelling);
      if (shape === null) return null;
      names.push(shape);
    }
    runs.push(names);
  }
  return { glob, spelling, runs };
}

/**
 * A regular expression of whole paths relative to the folder: of what the pattern names and of everything below that.
 * `written` is how its dialect writes a character by its code.
 */
export function pathExpression({ runs }: HiddenPattern, written: (code: number) => string): string {
  const slash = written(0x2f);
  const anyFolders = `(?:[^${slash}]*${slash})*`;
  const below = `(?:${slash}[${written(0)}-${written(0x10ffff)}]*)?`;
  const said = runs.map((names) => names.map((name) => expression(name, written)).join(slash));
  const [first = '', ...others] = said;
  const start = first === '' || others.length === 0 ? first : first + slash;
  return start + others.map((run) => anyFolders + run).join(slash) + below;
}

/** Whether this path below the folder is meant. */
export const isHidden = (hidden: readonly Hidden[], path: RemotePath): boolean =>
  hidden.some((one) =>
    typeof one === 'string' ? isSameOrInside(path, one) : covers(one.glob, pathKeys(path, one.spelling)),
  );

/** For people: the path, or the glob. */
export const hiddenText = (hidden: Hidden): string =>
  typeof hidden === 'string' ? hidden : globText(hidden.glob);

/** Each of them once. */
export function withoutRepeats(hidden: readonly Hidden[]): Hidden[] {
  const known = new Map<string, Hidden>();
  for (const one of hidden)
    known.set(typeof one === 'string' ? `/${one}` : `${one.spelling.ignoresCase} ${globText(one.glob)}`, one);
  return [...known.values()];
}
