import { placesOverlap } from '../../local-root.js';
import { type RemotePath, isSameOrInside, joinRemotePath, parseRemotePath } from '../../remote-path.js';
import type { Locator } from '../locator.js';
import type { EngineRemote } from '../transfer-engine.js';

/** Where files really are: a path of a remote that is made of no other. */
interface Spot {
  remote: EngineRemote;
  path: RemotePath;
  /** For a local remote, the place with links followed. */
  real: string | null;
}

/** A remote may hold another that holds another; nothing sensible is deeper. */
const MAX_DEPTH = 16;

/**
 * Whether two places are the same or one lies in the other, as far as anybody can tell: paths of one remote, real
 * places of local ones, and the parts behind an alias, crypt, union or combine. A crypt scrambles names, so any
 * path of it counts as the whole folder it keeps its files in.
 */
export async function overlap(
  locator: Locator,
  a: { remote: EngineRemote; path: RemotePath },
  b: { remote: EngineRemote; path: RemotePath },
): Promise<boolean> {
  if (a.remote.id === b.remote.id) {
    if (touch(a.path, b.path)) return true;
    // Two paths of one crypt are two places, whatever they are called where they are kept.
    if (a.remote.type === 'crypt') return false;
  }
  const [ones, others] = await Promise.all([spots(locator, a), spots(locator, b)]);
  return ones.some((one) => others.some((other) => meet(one, other)));
}

function meet(one: Spot, other: Spot): boolean {
  if (one.real !== null && other.real !== null) return placesOverlap(one.real, other.real);
  return isSameRemote(one.remote, other.remote) && touch(one.path, other.path);
}

function touch(a: RemotePath, b: RemotePath): boolean {
  return isSameOrInside(a, b) || isSameOrInside(b, a);
}

/** One far side may be registered twice; then it is told by what it is logged in with. */
function isSameRemote(a: EngineRemote, b: EngineRemote): boolean {
  if (a.id === b.id) return true;
  if (a.type !== b.type || a.parts.length + b.parts.length > 0) return false;
  const names = Object.keys(a.options);
  return (
    names.length > 0 &&
    names.length === Object.keys(b.options).length &&
    names.every((name) => a.options[name] === b.options[name])
  );
}

/** With the folder of the remote that everything of it is in, so that two remotes of one far side compare. */
function below(remote: EngineRemote, path: RemotePath): RemotePath {
  return joinRemotePath(parseRemotePath(remote.root), path);
}

async function spots(
  locator: Locator,
  { remote, path }: { remote: EngineRemote; path: RemotePath },
  depth = 0,
): Promise<Spot[]> {
  if (remote.type === 'local') {
    const { real } = await locator.locate([remote], { remoteId: remote.id, path });
    return [{ remote, path, real }];
  }
  if (remote.parts.length === 0 || depth > MAX_DEPTH) {
    return [{ remote, path: below(remote, path), real: null }];
  }
  const inParts = remote.parts.flatMap((part) => {
    if (remote.type === 'crypt') return [{ remote: part.remote, path: part.path }];
    if (remote.type !== 'combine')
      return [{ remote: part.remote, path: joinRemotePath(part.path, below(remote, path)) }];
    if (path === '') return [{ remote: part.remote, path: part.path }];
    const [name, ...rest] = path.split('/');
    return name === part.name
      ? [{ remote: part.remote, path: joinRemotePath(part.path, rest.join('/')) }]
      : [];
  });
  return (await Promise.all(inParts.map((place) => spots(locator, place, depth + 1)))).flat();
}
