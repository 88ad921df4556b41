import { Injectable } from '@nestjs/common';
import type { Actor } from '../../../kernel/auth/index.js';
import type { Read } from '../../../kernel/database/index.js';
import { UserError } from '../../../kernel/http/index.js';
import type { EngineRemote } from '../engine/transfer-engine.js';
import { withoutRepeats, type Hidden } from '../names/hidden.js';
import type { PathRule, Right } from '../permissions/path-rules.js';
import type { TreeVerdict } from '../permissions/remote-access.js';
import {
  InvalidRemotePath,
  ROOT,
  type RemotePath,
  displayPath,
  joinRemotePath,
  parseRemotePath,
} from '../remote-path.js';
import { RemotesService } from '../remotes.service.js';
import type { PlaceInput } from './file-job.schema.js';

export type Side = 'source' | 'destination' | 'target';

/** What a job wants at one of its places: with everything below it. */
export interface FileClaim {
  /** Its name in the payload. */
  readonly side: Side;
  readonly place: PlaceInput;
  /** Below the place of the payload, where the job works somewhere inside it. */
  readonly below?: string;
  readonly rights: readonly [Right, ...Right[]];
  /** Nobody else may be there meanwhile. */
  readonly writes: boolean;
  /** Where rules hide part of the tree: `leave` works on the rest of it, `refuse` does nothing at all. */
  readonly partly: 'leave' | 'refuse';
}

/** A claim that was found to be right. */
export interface GrantedPlace {
  readonly side: Side;
  readonly remote: EngineRemote;
  readonly path: RemotePath;
  readonly writes: boolean;
  /** What the rules hide, relative to `path`. */
  readonly hidden: readonly Hidden[];
}

/**
 * Whether somebody may have a job work where it wants to, with the rights of this moment: asked when a job is made
 * and again when it starts. 404 for a remote that does not exist for the actor, 403 `remote_permission_required`
 * naming the right, or the rules that stand against it.
 */
@Injectable()
export class FileClaims {
  constructor(private readonly remotes: RemotesService) {}

  async grant(read: Read, actor: Actor, claims: readonly FileClaim[]): Promise<GrantedPlace[]> {
    const granted: GrantedPlace[] = [];
    for (const claim of claims) granted.push(await this.grantOne(read, actor, claim));
    return granted;
  }

  private async grantOne(read: Read, actor: Actor, claim: FileClaim): Promise<GrantedPlace> {
    const { side, place, writes } = claim;
    const { remote, standing } = await this.remotes.forWork(
      read,
      actor,
      place.remoteId,
      `${side} remote`,
      claim.rights[0],
    );
    const path = pathOf(remote, claim);
    const hidden: Hidden[] = [];
    for (const right of claim.rights) {
      // Managing a remote has no path.
      const at = right === 'admin' ? ROOT : path;
      hidden.push(...hiddenBy(standing.tree(right, at), claim, right, at));
    }
    return { side, remote, path, writes, hidden: withoutRepeats(hidden) };
  }
}

function hiddenBy(
  verdict: TreeVerdict,
  { side, partly }: FileClaim,
  right: Right,
  path: RemotePath,
): readonly Hidden[] {
  if (verdict.answer === 'all') return [];
  if (verdict.answer === 'none') {
    throw forbidden(
      `You do not have the right to ${right} at ${displayPath(path)} of the ${side} remote`,
      verdict.rules,
    );
  }
  if (partly === 'leave' && verdict.hidden !== null) return verdict.hidden;
  throw forbidden(
    `You do not have the right to ${right} everything at ${displayPath(path)} of the ${side} remote, which this needs`,
    verdict.rules,
  );
}

/** The rules are those of the actor itself. */
function forbidden(what: string, rules: readonly PathRule[]): UserError {
  const named = rules.map(({ path }) => path).join(', ');
  return UserError.forbidden(
    rules.length === 0 ? `${what}.` : `${what}: because of the rules for ${named}.`,
    'remote_permission_required',
  );
}

/** A path that is short enough by itself may be too long below the root of its remote. */
function pathOf({ root, type }: EngineRemote, { side, place, below }: FileClaim): RemotePath {
  try {
    const path = parseRemotePath(place.path);
    const whole = below === undefined ? path : joinRemotePath(path, below);
    if (type === 'local') joinRemotePath(parseRemotePath(root), whole);
    return whole;
  } catch (error) {
    if (!(error instanceof InvalidRemotePath)) throw error;
    throw UserError.field(
      `/payload/${side}/path`,
      error.reason,
      `cannot be used below the root of its remote: ${error.message}`,
    );
  }
}
