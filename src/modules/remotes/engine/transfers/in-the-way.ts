import { type RemotePath, joinRemotePath, parseRemotePath } from '../../remote-path.js';
import type { LogLine } from '../rc-log.js';
import { type RcFilter, literalPattern } from '../rc-options.js';
import type { EngineRemote, FailedFile, TransferOptions } from '../transfer-engine.js';

/** Names remembered of each kind. What a sync deletes is far less than what it looks at. */
const MOST_REMEMBERED = 100_000;
/** Places that are made free at once, because rclone compares each file with each of them. */
const AT_ONCE = 500;

/** What only the destination has and the source wants to be something else, each relative to both. */
export interface Obstacles {
  /** Files where the source has a folder. */
  readonly files: readonly string[];
  /** Folders where the source has a file. */
  readonly folders: readonly string[];
}

/**
 * Finds in the log of a planned sync what stands in the way of a file or folder of the same name. rclone deletes last,
 * and nothing at all when something could not be written: so without this a file that became a folder, or a folder
 * that became a file, fails in the same way for ever.
 */
export class ObstacleFinder {
  private readonly leaving = { files: new Set<string>(), folders: new Set<string>() };
  private readonly made: string[] = [];
  private readonly found = { files: new Set<string>(), folders: new Set<string>() };

  /** Lines of the run that tells everything that would be deleted. */
  readonly add = ({ skipped, object: path }: LogLine): void => {
    const { files, folders } = this.leaving;
    if (path === null || files.size + folders.size + this.made.length >= MOST_REMEMBERED) return;
    if (skipped === 'delete' || skipped === 'move into backup dir') files.add(path);
    else if (skipped === 'remove directory') folders.add(path);
    else if (skipped === 'make directory') this.made.push(path);
  };

  /** A file that would be written; asked after all of those lines. */
  readonly write = (path: string): void => {
    if (this.leaving.folders.has(path)) this.found.folders.add(path);
    this.look(path);
  };

  /** In portions. */
  *obstacles(): Generator<Obstacles> {
    for (const folder of this.made) this.look(`${folder}/`);
    const [files, folders] = [[...this.found.files], [...this.found.folders]];
    for (let at = 0; at < Math.max(files.length, folders.length); at += AT_ONCE)
      yield { files: files.slice(at, at + AT_ONCE), folders: folders.slice(at, at + AT_ONCE) };
  }

  private look(path: string): void {
    for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) {
      const above = path.slice(0, at);
      if (this.leaving.files.has(above)) this.found.files.add(above);
    }
  }
}

/**
 * Of what the filter means, only what stands in the way. With a list of what is meant folders stay: there may be files
 * in them that are not on it.
 */
export function onlyObstacles(
  { FilterRule }: RcFilter,
  { include = [] }: TransferOptions,
  { files, folders }: Obstacles,
): RcFilter | null {
  const hasList = include.length > 0;
  const wanted = [
    ...files.map((path) => `+ /${literalPattern(path, false)}`),
    ...(hasList ? [] : folders.map((path) => `+ /${literalPattern(path, false)}/**`)),
  ];
  if (wanted.length === 0) return null;
  const before = hasList ? FilterRule.slice(0, -include.length - 1) : FilterRule;
  return { FilterRule: [...before, ...wanted, '- /**'] };
}

/** Of the files that failed, those for which something of another kind is at the destination, in words for people. */
export async function explainObstacles(
  failures: readonly FailedFile[],
  destination: RemotePath,
  isFolder: (path: RemotePath) => Promise<boolean | null>,
): Promise<string[]> {
  const told = new Set<string>();
  for (const { name } of failures) {
    const names = name.split('/');
    for (const [at] of names.entries()) {
      const path = names.slice(0, at + 1).join('/');
      const is = await isFolder(joinRemotePath(destination, parseRemotePath(path)));
      const isLast = at === names.length - 1;
      if (is === null) break;
      if (is && isLast) told.add(folderInTheWay(path));
      if (!is && !isLast) told.add(`${path} is a folder at the source and a file at the destination`);
      if (!is) break;
    }
  }
  return [...told];
}

export const folderInTheWay = (path: string): string =>
  `${path} is a file at the source and a folder at the destination`;

export function obstaclesInWords([first = '', ...others]: readonly string[]): string {
  const more = others.length === 0 ? '' : `, and ${others.length} more like it`;
  return `${first}${more}: remove or rename one of the two.`;
}

/**
 * Whether rclone, when a file could not be written where a folder is, deletes that folder with everything in it: what
 * it could not complete it takes for a half-written file, and WebDAV deletes folders like files.
 */
export const losesFolders = ({ type, parts }: EngineRemote): boolean =>
  type === 'webdav' || parts.some(({ remote }) => losesFolders(remote));
