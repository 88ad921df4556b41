import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  access,
  constants,
  mkdir,
  mkdtemp,
  open,
  readFile,
  readdir,
  rm,
  stat,
  statfs,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const MiB = 1024 * 1024;
const TMPFS = 0x01021994;
/** Room for what is not counted. */
const SPARE = 64 * MiB;

export interface Folder {
  readonly path: string;
  /** In words, for the report. */
  readonly on: string;
  remove(): Promise<void>;
}

/**
 * An empty folder with room for so many bytes: in memory where there is such a file system, because a disk that is
 * shared with other work says more about that work. `BENCH_FILES` names another place.
 */
export async function makeFolder(bytes: number): Promise<Folder> {
  const wanted = process.env['BENCH_FILES'];
  for (const place of wanted === undefined ? ['/dev/shm', tmpdir()] : [wanted]) {
    const known = await statfs(place).catch(() => null);
    if (!known || known.bavail * known.bsize < bytes + SPARE) continue;
    if (
      !(await access(place, constants.W_OK).then(
        () => true,
        () => false,
      ))
    )
      continue;
    const folder = await mkdtemp(path.join(place, 'steward-bench-files-'));
    return {
      path: folder,
      on: known.type === TMPFS ? 'memory (tmpfs)' : 'disk',
      remove: () => rm(folder, { recursive: true, force: true }),
    };
  }
  throw new Error(`no place with ${Math.round(bytes / MiB)} MiB free; name one in BENCH_FILES`);
}

/** `count` files of half to eight and a half KB, a hundred in each folder: 45 MB are 10,000. Answers their bytes. */
export async function makeSmallFiles(root: string, count: number): Promise<number> {
  const noise = randomBytes(MiB);
  let bytes = 0;
  for (let first = 0; first < count; first += 100) {
    const folder = path.join(root, `folder ${first / 100}`);
    await mkdir(folder, { recursive: true });
    const these = Array.from({ length: Math.min(100, count - first) }, (_, n) => first + n);
    await Promise.all(
      these.map((n) => {
        const size = 500 + ((n * 7919) % 8_001);
        const from = (n * 104_729) % (MiB - size);
        bytes += size;
        return writeFile(path.join(folder, `file ${n}.dat`), noise.subarray(from, from + size));
      }),
    );
  }
  return bytes;
}

/** One file of so many MiB that no file system can keep as less. */
export async function makeLargeFile(file: string, mebibytes: number): Promise<number> {
  await mkdir(path.dirname(file), { recursive: true });
  const handle = await open(file, 'w');
  try {
    for (let written = 0; written < mebibytes; written++) await handle.write(randomBytes(MiB));
  } finally {
    await handle.close();
  }
  return mebibytes * MiB;
}

/** Empty files in one folder. */
export async function makeNames(root: string, names: readonly string[]): Promise<void> {
  await mkdir(root, { recursive: true });
  for (let first = 0; first < names.length; first += 100)
    await Promise.all(names.slice(first, first + 100).map((name) => writeFile(path.join(root, name), '')));
}

/** Files below `root` by name with their sizes, and with their hashes where those are wanted. */
async function contentOf(root: string, withHashes: boolean): Promise<Map<string, string>> {
  const places = (await readdir(root, { recursive: true, withFileTypes: true })).flatMap((entry) =>
    entry.isFile() ? [path.join(entry.parentPath, entry.name)] : [],
  );
  const found = new Map<string, string>();
  const next = places.values();
  const look = async (): Promise<void> => {
    for (const place of next) {
      const { size } = await stat(place);
      found.set(path.relative(root, place), withHashes ? `${size} ${await hashOf(place, size)}` : `${size}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, look));
  return found;
}

/** A look at what is below a folder that throws unless it is what was below `source` when this was made. */
export async function sameAs(
  source: string,
  withHashes: boolean,
): Promise<(copy: string, exact?: boolean) => Promise<void>> {
  const sizes = await contentOf(source, false);
  const hashes = withHashes ? await contentOf(source, true) : sizes;
  return async (copy, exact = withHashes) => {
    const wanted = exact ? hashes : sizes;
    const found = await contentOf(copy, exact);
    const wrong = [...wanted].filter(([name, content]) => found.get(name) !== content).length;
    if (wrong > 0 || wanted.size !== found.size)
      throw new Error(`${wrong} of ${wanted.size} files are not there as they are; there are ${found.size}`);
  };
}

async function hashOf(file: string, size: number): Promise<string> {
  const hash = createHash('sha256');
  if (size <= MiB) return hash.update(await readFile(file)).digest('hex');
  for await (const chunk of createReadStream(file, { highWaterMark: MiB })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
