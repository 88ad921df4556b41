import type { RemotePath } from '../remote-path.js';
import { compileGlob, covers, pathKeys, reachesBelow, restBelow, type Glob, type Spelling } from './glob.js';
import { spellingsOf } from './spellings.js';
import type { Segment } from './segment.js';

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
      readonly hidden: readonly RemotePath[] | null;
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

/** More places than this are not said one by one. */
const MAX_HIDDEN = 1_000;

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
    return {
      shows: (path, isDir) => {
        const { allowed, reason } = this.decide('read', path);
        if (allowed || reason !== 'no_rule_allows' || !isDir) return allowed;
        return this.allowedBelow('read', path).length > 0;
      },
    };
  }

  /** The rules that allow some place below this one. */
  private allowedBelow(action: FileRight, path: RemotePath): PathRule[] {
    const keys = pathKeys(path, this.spelling.allowed);
    return this.allowing[action].filter(({ glob }) => reachesBelow(glob, keys)).map(({ rule }) => rule);
  }

  /** The places these rules name below a folder, in every spelling that a remote may keep them in. */
  private hiddenBelow(rules: readonly CompiledRule[], keys: readonly string[]): RemotePath[] | null {
    // How a name is spelled there in upper and lower case only the remote knows.
    if (this.spelling.denied.ignoresCase) return null;
    const hidden: RemotePath[] = [];
    for (const { glob } of rules) {
      const names = glob.runs.length === 1 ? namesOf(restBelow(glob, keys)) : null;
      const spelled = names && spellingsOf(names, MAX_HIDDEN - hidden.length);
      if (!spelled) return null;
      hidden.push(...spelled);
    }
    return hidden;
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

const firstCovering = (rules: readonly CompiledRule[], keys: readonly string[]): PathRule | null =>
  rules.find(({ glob }) => covers(glob, keys))?.rule ?? null;

/** The names these segments stand for; null where one of them is no plain name. */
function namesOf(segments: readonly Segment[] | null): string[] | null {
  const names: string[] = [];
  for (const { literal } of segments ?? []) {
    if (literal === null) return null;
    names.push(literal);
  }
  return names;
}
