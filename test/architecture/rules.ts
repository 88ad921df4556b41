import { importCycles } from './cycles.js';
import type { ImportOf, Mention, SourceFile } from './source-file.js';

export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly what: string;
}

export interface Rule {
  readonly name: string;
  /** What breaks without it: printed when it fails. */
  readonly reason: string;
  readonly find: (files: readonly SourceFile[]) => Violation[];
}

/** Which module may import which others, always through their `index.ts`. The kernel may be imported by all. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  audit: [],
  users: ['audit'],
  auth: ['audit', 'users'],
  jobs: ['audit', 'users'],
  remotes: ['audit', 'users', 'jobs'],
  schedules: ['audit', 'users', 'jobs'],
  tasks: ['audit', 'users', 'jobs'],
  'chat-sessions': ['audit', 'users', 'jobs'],
  mail: ['audit', 'users', 'auth', 'jobs'],
  'database-backups': ['audit', 'jobs'],
  notifications: ['audit', 'users', 'auth', 'jobs', 'tasks', 'schedules', 'remotes', 'chat-sessions'],
};

/** The files that put modules together. */
const COMPOSITION =
  /^(src\/(app\.module|main|start|wait-for-store|cli|welcome)\.ts|src\/commands\/.+|seeds\/.+)$/;

/** Libraries with a place of their own. */
const PLACES: readonly { name: string; library: RegExp; place: RegExp; reason: string }[] = [
  {
    name: 'typeorm only in entities, repositories, kernel/database and migrations',
    library: /^typeorm(\/|$)/,
    place: /\.(entity|repository)\.ts$|^src\/kernel\/database\/|^migrations\//,
    reason: 'Only entities, repositories, kernel/database and migrations know how rows are stored.',
  },
  {
    name: '@nestjs/typeorm only in kernel/database and *.module.ts',
    library: /^@nestjs\/typeorm(\/|$)/,
    place: /\.module\.ts$|^src\/kernel\/database\//,
    reason:
      'Repositories are handed a Tx or Read; an injected TypeORM repository would leave the transaction.',
  },
  {
    name: 'bullmq only in kernel/queue',
    library: /^(bullmq|@nestjs\/bullmq)(\/|$)/,
    place: /^src\/kernel\/queue\//,
    reason: 'The queue is the doorbell: features make job rows and never see which queue rings.',
  },
  {
    name: 'ioredis only in kernel/redis',
    library: /^ioredis(\/|$)/,
    place: /^src\/kernel\/redis\//,
    reason: 'kernel/redis gives out connections with the right profile; others would fail in the wrong way.',
  },
  {
    name: 'pg only in the kernel',
    library: /^pg(\/|$)/,
    place: /^src\/kernel\//,
    reason: 'A connection of its own is outside the transaction, the pool limit and the time limits.',
  },
];

const SQL_HELPERS = ['query', 'queryOne', 'execute', 'entities'];
const MAX_LINES = 350;

const isTest = ({ path }: SourceFile): boolean => /\.(spec|medium|e2e|test)\.ts$/.test(path);
const isSource = (file: SourceFile): boolean => file.path.startsWith('src/') && !isTest(file);
const moduleOf = (path: string): string | null => /^src\/modules\/([^/]+)\//.exec(path)?.[1] ?? null;
const kernelPartOf = (path: string): string | null => /^src\/kernel\/([^/]+)\//.exec(path)?.[1] ?? null;

const importRule = (
  name: string,
  reason: string,
  forbidden: (file: SourceFile, imported: ImportOf) => boolean,
): Rule => ({
  name,
  reason,
  find: (files) =>
    files.flatMap((file) =>
      file.imports
        .filter((imported) => forbidden(file, imported))
        .map(({ line, target, names }) => ({
          file: file.path,
          line,
          what: `imports ${names.length > 0 ? `${names.join(', ')} from ` : ''}${target}`,
        })),
    ),
});

const mentionRule = (name: string, kind: Mention['kind'], allowed: RegExp, reason: string): Rule => ({
  name,
  reason,
  find: (files) =>
    files
      .filter((file) => isSource(file) && !allowed.test(file.path))
      .flatMap((file) =>
        file.mentions
          .filter((mention) => mention.kind === kind)
          .map(({ line, text }) => ({ file: file.path, line, what: `has ${text}` })),
      ),
});

export const RULES: readonly Rule[] = [
  importRule(
    'modules import only the modules below them',
    'One direction of imports: a lower module records an event and a higher one subscribes (architecture: who may import whom).',
    (file, { target }) => {
      const [from, to] = [moduleOf(file.path), moduleOf(target)];
      return from !== null && to !== null && from !== to && !(MAY_IMPORT[from] ?? []).includes(to);
    },
  ),
  {
    name: 'every module has its line in the table of imports',
    reason: 'A module that is not in the table has no rule for what it may import.',
    find: (files) =>
      [...new Set(files.map(({ path }) => moduleOf(path)))]
        .filter((name) => name !== null && !(name in MAY_IMPORT))
        .map((name) => ({ file: `src/modules/${name}`, line: 1, what: 'is not in MAY_IMPORT' })),
  },
  importRule(
    'a module is entered through its index.ts',
    'One door into each module: what its index does not export may change at any time.',
    (file, { target }) => {
      const to = moduleOf(target);
      return to !== null && moduleOf(file.path) !== to && !isDoor(target) && !file.path.startsWith('test/');
    },
  ),
  importRule(
    'modules use the kernel through the index.ts of its parts',
    'The kernel has inner files, too; only what an index exports is its contract with the features.',
    (file, { target }) =>
      moduleOf(file.path) !== null && !isTest(file) && kernelPartOf(target) !== null && !isKernelDoor(target),
  ),
  importRule(
    'the kernel imports no feature',
    'The kernel knows no feature, or everything would depend on everything.',
    (file, { target }) =>
      file.path.startsWith('src/kernel/') && (moduleOf(target) !== null || isComposition(target)),
  ),
  importRule(
    'only the composition files import what lies outside src, and nobody imports them',
    'src/app.module.ts, start, main, cli and seeds put the parts together; a part that knew them would close a circle.',
    (file, { target, isRelative }) =>
      isRelative &&
      isSource(file) &&
      !isComposition(file.path) &&
      (!target.startsWith('src/') || isComposition(target)),
  ),
  importRule(
    'no file imports the index.ts of its own module',
    'The index is the face for others; inside, it makes every file depend on every other one.',
    (file, { target }) =>
      (!isTest(file) && isDoor(target) && moduleOf(file.path) === moduleOf(target)) ||
      (!isTest(file) && isKernelDoor(target) && kernelPartOf(file.path) === kernelPartOf(target)),
  ),
  {
    name: 'files import each other in no circle',
    reason: 'In a circle one file runs before what it imports is there, and no part can be understood alone.',
    find: (files) =>
      importCycles(files).map((cycle) => ({ file: cycle[0] ?? '', line: 1, what: cycle.join(' → ') })),
  },
  ...PLACES.map(({ name, library, place, reason }) =>
    importRule(
      name,
      reason,
      (file, { target }) =>
        library.test(target) && (isSource(file) || file.path.startsWith('seeds/')) && !place.test(file.path),
    ),
  ),
  importRule(
    'SQL helpers only in repositories and the kernel',
    'Repositories are the only place with SQL (house rule 2); services would otherwise grow statements of their own.',
    (file, { target, names }) =>
      isSource(file) &&
      target.startsWith('src/kernel/database/') &&
      !/\.repository\.ts$|^src\/kernel\//.test(file.path) &&
      names.some((name) => SQL_HELPERS.includes(name)),
  ),
  importRule(
    'migrations import nothing from src',
    'A migration must do the same in ten years, whatever the code has become (house rule 9).',
    (file, { target, isRelative }) =>
      file.path.startsWith('migrations/') && isRelative && !target.startsWith('migrations/'),
  ),
  importRule(
    'node:process env is not imported',
    'The environment is read in kernel/config only, where every setting is known, parsed and documented.',
    (file, { target, names }) =>
      isSource(file) &&
      /^(node:)?process$/.test(target) &&
      !file.path.startsWith('src/kernel/config/') &&
      names.includes('env'),
  ),
  mentionRule(
    'process.env only in kernel/config',
    'environment',
    /^src\/kernel\/config\//,
    'Settings are parsed once, all problems are listed together, and a misspelt name cannot keep a default.',
  ),
  mentionRule(
    'Date.now() and new Date() only in kernel/time',
    'clock',
    /^src\/kernel\/time\//,
    'Time is injected, or tests could not move it; due-ness and stamps use the database clock (house rule 6).',
  ),
  mentionRule(
    'no forwardRef',
    'forwardRef',
    /^$/,
    'It hides a circle between modules; the guard port, discovery by name and events make it needless.',
  ),
  {
    name: 'controllers contain no SQL',
    reason: 'Controllers translate, services decide, repositories hold the SQL (house rule 2).',
    find: (files) =>
      files
        .filter(({ path }) => path.endsWith('.controller.ts'))
        .flatMap(({ path, mentions }) =>
          mentions
            .filter(({ kind }) => kind === 'sql')
            .map(({ line, text }) => ({ file: path, line, what: `has ${text}` })),
        ),
  },
  {
    name: `files of src have at most ${MAX_LINES} lines`,
    reason: 'One subject a file; a longer one has two and is split by subject.',
    find: (files) =>
      files
        .filter(({ path, lines }) => path.startsWith('src/') && lines > MAX_LINES)
        .map(({ path, lines }) => ({ file: path, line: lines, what: `has ${lines} lines` })),
  },
];

function isComposition(path: string): boolean {
  return COMPOSITION.test(path);
}

function isDoor(path: string): boolean {
  return /^src\/modules\/[^/]+\/index\.ts$/.test(path);
}

function isKernelDoor(path: string): boolean {
  return /^src\/kernel\/[^/]+\/index\.ts$/.test(path);
}
