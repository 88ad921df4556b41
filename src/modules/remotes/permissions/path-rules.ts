import {
  compileGlob,
  covers,
  globText,
  pathKeys,
  reachesBelow,
  restsBelow,
  type Glob,
} from '../names/glob.js';
import { hiddenPattern, type Hidden } from '../names/hidden.js';
import type { Spelling } from '../names/name-key.js';
import type { Name, Segment } from '../names/segment.js';
import { spellingsOf } from '../names/spellings.js';
import type { RemotePath } from '../remote-path.js';

/** What can be done on a remote (S1-11). `admin` is managing it: its configuration and who may use it. */
export const RIGHTS = ['read', 'write', 'delete', 'admin'] as const;
export type Right = (typeof RIGHTS)[number];

/** What can be done with files, and so what a rule can speak of: managing a remote has no path. */
export const FILE_RIGHTS = ['read', 'write', 'delete'] as const;
export type FileRight = (typeof FILE_RIGHTS)[number];

/** One rule about the places its glob names and everything below them (S1-13). */
export interface PathRule {
  readonly path: string;
  readonly allow: readonly FileRight[];
  readonly deny: readonly FileRight[];
}

/** What may be told of the entries of listings. */
export interface PathFilter {
  /** Whether somebody may see this entry: it may be read, or is a folder on the way to something that may be. */
  shows(path: RemotePath, isDir: boolean): boolean;
}

/** What a person has been given on a remote. */
export interface Grant {
  readonly permissions: readonly Right[];
  readonly pathRules: readonly PathRule[];
}

/** What the rules say of one place. */
export type Decision =
  | { readonly allowed: false; readonly reason: 'right_missing' | 'no_rule_allows'; readonly rule: null }
  | { readonly allowed: true; readonly reason: 'no_rule_speaks'; readonly rule: null }
  | { readonly allowed: false; readonly reason: 'rule_denies'; readonly rule: PathRule }
  | { readonly allowed: true; readonly reason: 'rule_allows'; readonly rule: PathRule };

/** What they say of a folder and everything in it; see `TreeVerdict` of `remote-access.ts`. */
export type TreeDecision =
  | { readonly answer: 'all' }
  | {
      readonly answer: 'none';
      readonly reason: Extract<Decision, { allowed: false }>['reason'];
      readonly rules: readonly PathRule[];
    }
  | {
      readonly answer: 'partial';
      readonly hidden: readonly Hidden[] | null;
      readonly rules: readonly PathRule[];
    };

interface CompiledRule {
  readonly rule: PathRule;
  readonly glob: Glob;
}

/**
 * How names are compared. The same for both, except where it is not known whether the remote tells upper from lower
 * case: then a denial holds for either, and what is allowed is allowed as it is written.
 */
export interface RuleSpelling {
  readonly denied: Spelling;
  readonly allowed: Spelling;
}

/** What the rules say of a folder, and those of them that have something to say of what is in it. */
interface FolderView {
  readonly folder: string;
  readonly keys: Readonly<Record<'denied' | 'allowed', readonly Name[]>>;
  readonly isDenied: boolean;
  readonly isAllowed: boolean;
  readonly denying: readonly CompiledRule[];
  readonly allowing: readonly CompiledRule[];
}

/**
 * More than this is not said: places and patterns, characters of them, and wildcards, each of which takes about a
 * millisecond and some kilobytes.
 */
const MAX_HIDDEN = 1_000;
const MAX_CHARACTERS = 65_536;
const MAX_WILDCARDS = 300;

/**
 * The rules of one grant, for any number of questions. Pure; the order of the rules makes no difference:
 *
 * 1. A right that is not given is not there, whatever the rules say.
 * 2. A rule that denies wins over all that allow.
 * 3. Where some rule allows anything at all, only what a rule allows is allowed.
 */
export class PathRules {
  /** Whether only what is named is allowed. */
  private readonly namesAll: boolean;
  private readonly denying: Readonly<Record<FileRight, readonly CompiledRule[]>>;
  private readonly allowing: Readonly<Record<FileRight, readonly CompiledRule[]>>;

  constructor(
    private readonly grant: Grant,
    private readonly spelling: RuleSpelling,
  ) {
    this.namesAll = grant.pathRules.some(({ allow }) => allow.length > 0);
    this.denying = byRight(grant.pathRules, 'deny', spelling.denied);
    this.allowing = byRight(grant.pathRules, 'allow', spelling.allowed);
  }

  decide(action: Right, path: RemotePath): Decision {
    if (!this.grant.permissions.includes(action))
      return { allowed: false, reason: 'right_missing', rule: null };
    if (action === 'admin') return { allowed: true, reason: 'no_rule_speaks', rule: null };
    const denying = firstCovering(this.denying[action], pathKeys(path, this.spelling.denied));
    if (denying) return { allowed: false, reason: 'rule_denies', rule: denying };
    const allowing = firstCovering(this.allowing[action], pathKeys(path, this.spelling.allowed));
    if (allowing) return { allowed: true, reason: 'rule_allows', rule: allowing };
    return this.namesAll
      ? { allowed: false, reason: 'no_rule_allows', rule: null }
      : { allowed: true, reason: 'no_rule_speaks', rule: null };
  }

  /** `all` and `none` are only said when they are sure; `none` of what is allowed and wholly denied below is not. */
  tree(action: Right, path: RemotePath): TreeDecision {
    const { allowed, reason, rule } = this.decide(action, path);
    if (reason === 'right_missing') return { answer: 'none', reason, rules: [] };
    if (reason === 'rule_denies') return { answer: 'none', reason, rules: [rule] };
    if (action === 'admin') return { answer: 'all' };
    const keys = pathKeys(path, this.spelling.denied);
    const denied = this.denying[action].filter(({ glob }) => reachesBelow(glob, keys));
    const rules = denied.map((one) => one.rule);
    if (allowed)
      return denied.length === 0
        ? { answer: 'all' }
        : { answer: 'partial', hidden: this.hiddenBelow(denied, keys), rules };
    const onWay = this.allowedBelow(action, path);
    if (onWay.length === 0) {
      const allowing = this.grant.pathRules.filter(({ allow }) => allow.length > 0);
      return { answer: 'none', reason, rules: allowing };
    }
    // Everything but some places cannot be said as a list of what to leave out.
    return { answer: 'partial', hidden: null, rules: [...onWay, ...rules] };
  }

  /** What may be seen in listings; null where that is everything. */
  filter(): PathFilter | null {
    if (this.grant.permissions.includes('read') && this.denying.read.length === 0 && !this.namesAll)
      return null;
    let last: FolderView | undefined;
    return {
      shows: (path, isDir) => {
        const folder = path.slice(0, Math.max(path.lastIndexOf('/'), 0));
        if (last?.folder !== folder) last = this.viewOf(folder);
        return this.shows(last, path.slice(folder.length), isDir);
      },
    };
  }

  /** What is the same for all entries of a folder, of which a listing has many. */
  private viewOf(folder: string): FolderView {
    const denied = pathKeys(folder, this.spelling.denied);
    const allowed = pathKeys(folder, this.spelling.allowed);
    const { read: denying } = this.denying;
    const { read: allowing } = this.allowing;
    return {
      folder,
      keys: { denied, allowed },
      isDenied: !this.grant.permissions.includes('read') || firstCovering(denying, denied) !== null,
      isAllowed: !this.namesAll || firstCovering(allowing, allowed) !== null,
      denying: denying.filter(({ glob }) => reachesBelow(glob, denied)),
      allowing: allowing.filter(({ glob }) => reachesBelow(glob, allowed)),
    };
  }

  /** `name` is empty for the root, which is its own folder. */
  private shows(view: FolderView, name: string, isDir: boolean): boolean {
    if (view.isDenied) return false;
    const denied = [...view.keys.denied, ...pathKeys(name, this.spelling.denied)];
    if (firstCovering(view.denying, denied)) return false;
    if (view.isAllowed) return true;
    const allowed = [...view.keys.allowed, ...pathKeys(name, this.spelling.allowed)];
    if (firstCovering(view.allowing, allowed)) return true;
    return isDir && view.allowing.some(({ glob }) => reachesBelow(glob, allowed));
  }

  /** The rules that allow some place below this one. */
  private allowedBelow(action: FileRight, path: RemotePath): PathRule[] {
    const keys = pathKeys(path, this.spelling.allowed);
    return this.allowing[action].filter(({ glob }) => reachesBelow(glob, keys)).map(({ rule }) => rule);
  }

  /** What these rules name below a folder, in every spelling that a remote may keep it in. */
  private hiddenBelow(rules: readonly CompiledRule[], keys: readonly Name[]): Hidden[] | null {
    const hidden: Hidden[] = [];
    const rests = rules.flatMap(({ glob }) => restsBelow(glob, keys));
    const texts = rests.map(globText).join('/');
    if (texts.length > MAX_CHARACTERS || (texts.match(/[*?]+/g)?.length ?? 0) > MAX_WILDCARDS) return null;
    for (const rest of rests) {
      const places = this.placesOf(rest, MAX_HIDDEN - hidden.length);
      const pattern = places ? null : hiddenPattern(rest, this.spelling.denied);
      if (!places && !pattern) return null;
      hidden.push(...(places ?? []), ...(pattern ? [pattern] : []));
      if (hidden.length > MAX_HIDDEN) return null;
    }
    return hidden;
  }

  /** Null where they cannot be listed. How a name is spelled in upper and lower case only the remote knows. */
  private placesOf({ runs }: Glob, most: number): RemotePath[] | null {
    if (this.spelling.denied.ignoresCase || runs.length > 1) return null;
    const names = namesOf(runs[0]!);
    return names && spellingsOf(names, most);
  }
}

function byRight(
  rules: readonly PathRule[],
  list: 'allow' | 'deny',
  spelling: Spelling,
): Record<FileRight, CompiledRule[]> {
  const speaking = (right: FileRight): CompiledRule[] =>
    rules
      .filter((rule) => rule[list].includes(right))
      .map((rule) => ({ rule, glob: compileGlob(rule.path, spelling) }));
  return { read: speaking('read'), write: speaking('write'), delete: speaking('delete') };
}

const firstCovering = (rules: readonly CompiledRule[], keys: readonly Name[]): PathRule | null =>
  rules.find(({ glob }) => covers(glob, keys))?.rule ?? null;

/** The names these segments stand for; null where one of them is no plain name. */
function namesOf(segments: readonly Segment[]): string[] | null {
  const names: string[] = [];
  for (const { literal } of segments) {
    if (literal === null) return null;
    names.push(literal);
  }
  return names;
}
