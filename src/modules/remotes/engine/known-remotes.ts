import type { RemoteType } from '../types/remote-types.js';
import { CONTROL_CHARACTER, InvalidRemotePath, parseRemotePath } from '../remote-path.js';
import { refuseUnknownOptions } from './known-options.js';
import { type EngineRemote, type RemoteOptions, type RemotePart, TransferError } from './transfer-engine.js';

/** One remote as rclone's `config/create` takes it. */
export interface Section {
  name: string;
  type: string;
  parameters: RemoteOptions;
  /** The token of its OAuth login is renewed by rclone, for the remote of this id. */
  renews: string | null;
}

/** What rclone calls a type, where that differs. */
const RCLONE_TYPES: Partial<Record<RemoteType, string>> = { gcs: 'google cloud storage' };
const OAUTH: ReadonlySet<RemoteType> = new Set(['drive', 'dropbox', 'onedrive', 'gcs']);
/** A remote of remotes of remotes … ; deeper than this somebody made a ring. */
const MAX_DEPTH = 8;

/**
 * What has to be made in a process so that it knows `remotes`, in order, and what each is called there, with the
 * colon. Pure, and the same for the same remotes. No name and no text in it but ours, and paths behind a colon.
 */
export class KnownRemotes {
  readonly sections: Section[] = [];
  readonly names = new Map<string, string>();
  private made = 0;

  constructor(remotes: readonly EngineRemote[]) {
    for (const remote of remotes) this.know(remote, 0);
  }

  private know(remote: EngineRemote, depth: number): string {
    const known = this.names.get(remote.id);
    if (known !== undefined) return known;
    if (depth > MAX_DEPTH) throw new TransferError('fatal', 'The remote is made of itself.');
    refuseUnknownOptions(remote.type, remote.options);
    const place = this.place(remote, depth);
    const name = `r${this.names.size + 1}:`;
    // rclone clamps every path at the place of an alias, so it is what everybody is given.
    this.add(name, 'alias', { remote: place });
    this.names.set(remote.id, name);
    return name;
  }

  private place(remote: EngineRemote, depth: number): string {
    const { type, options, parts, id } = remote;
    if (type === 'local') return localRoot(remote.root);
    if (type === 'alias') return joined(this.part(remote, depth), rootOf(remote));
    const base = `b${++this.made}:`;
    const add = (parameters: RemoteOptions): string => {
      const renews = OAUTH.has(type) && typeof parameters['token'] === 'string' ? id : null;
      this.add(base, RCLONE_TYPES[type] ?? type, parameters, renews);
      return base + rootOf(remote);
    };
    if (type === 'crypt') return add({ ...options, remote: this.part(remote, depth) });
    if (type === 'union') {
      const all = parts.map((part) => this.alias(part, depth) + (part.readOnly ? ':ro' : ''));
      return add({ ...options, upstreams: atLeastOne(all).join(' ') });
    }
    if (type === 'combine') {
      const all = parts.map((part) => quoted(`${folderName(part)}=${this.alias(part, depth)}`));
      return add({ ...options, upstreams: atLeastOne(all).join(' ') });
    }
    return add(options);
  }

  /** The place of the only part. */
  private part({ parts: [part, ...more] }: EngineRemote, depth: number): string {
    if (part === undefined || more.length > 0) throw incomplete();
    return joined(this.know(part.remote, depth + 1), part.path);
  }

  /** A name for a part: a path in a list of parts would be read for more than a path (spaces, quotes, `:ro`). */
  private alias(part: RemotePart, depth: number): string {
    const remote = joined(this.know(part.remote, depth + 1), part.path);
    const name = `p${++this.made}:`;
    this.add(name, 'alias', { remote });
    return name;
  }

  private add(name: string, type: string, parameters: RemoteOptions, renews: string | null = null): void {
    this.sections.push({ name: name.slice(0, -1), type, parameters, renews });
  }
}

/** `root` as rclone wants it behind the colon: from the login folder, or for the types that have one, from `/`. */
function rootOf({ type, root }: EngineRemote): string {
  if (type === 'sftp') {
    if (root === '~' || root === '') return '';
    if (root.startsWith('~/')) return checked(root.slice(2));
    if (root.startsWith('/')) return `/${checked(root)}`;
  }
  return checked(root);
}

function checked(path: string): string {
  try {
    return parseRemotePath(path);
  } catch (cause) {
    if (!(cause instanceof InvalidRemotePath)) throw cause;
    throw new TransferError('fatal', 'The root of the remote is no valid path.', { cause });
  }
}

/** A local root has been checked on the disk; without its slash in front rclone would take it for a name. */
function localRoot(root: string): string {
  if (!root.startsWith('/') || CONTROL_CHARACTER.test(root))
    throw new TransferError('fatal', 'The root of the remote is no valid path.');
  return root;
}

const joined = (place: string, path: string): string =>
  place.endsWith(':') || path === '' ? place + path : `${place}/${path}`;

/** The folder a part of a combine appears as. */
function folderName({ name }: RemotePart): string {
  if (name === null || !/^[^/=\p{Cc}]+$/u.test(name) || checked(name) !== name) throw incomplete();
  return name;
}

/** As the list of parts wants a text with spaces or quotes. */
const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;

function atLeastOne(parts: string[]): string[] {
  if (parts.length === 0) throw incomplete();
  return parts;
}

const incomplete = (): TransferError =>
  new TransferError('fatal', 'The remote is not made of what its type needs.');
