import { whole } from './jobs-common.js';
import { makeNames } from './remotes-files.js';
import { plainRclone } from './remotes-plain.js';
import type { Steward } from './remotes-steward.js';
import { interleaved, inWorld, mean, spread, table, title } from './remotes-world.js';
import type { BenchServices } from './services.js';

const PAGE = 100;
const FOLDER = '/one folder';
const PERSON = { email: 'person@steward.local', password: 'the password of a person' };
/** Hides every tenth file and all of one kind. */
const RULES = [
  { path: FOLDER, allow: ['read'] },
  { path: `${FOLDER}/*0.txt`, deny: ['read'] },
  { path: '/**/*.tmp', deny: ['read'] },
];

interface Look {
  /** Until the first page was there. */
  readonly first: number;
  readonly all: number;
  /** Processor time of Steward alone, in microseconds. */
  readonly cpu: number;
}

/** All pages of one folder, by somebody who may see everything and by somebody whom rules keep from some of it. */
export async function listing(services: BenchServices, entries: number, rounds: number): Promise<void> {
  await inWorld(services, { bytes: 10_000 * entries }, async (world) => {
    const { steward, place } = world;
    // One in a hundred is of the kind that is hidden from the person, and none of these ends like the other hidden ones.
    const names = Array.from({ length: entries }, (_, n) => `file ${n}.${n % 100 === 1 ? 'tmp' : 'txt'}`);
    await makeNames(place('remote', FOLDER), names);
    const seen = names.filter((name) => !name.endsWith('0.txt') && !name.endsWith('.tmp'));
    const remote = await steward.remote(place('remote'));
    const token = await person(steward, remote);
    const look = (who?: string): Promise<Look> =>
      lookThrough(steward, remote, who === undefined ? names.length : seen.length, who);
    const forget = (): Promise<unknown> =>
      steward.call('POST', `/api/remotes/${remote}/files/folders`, { path: FOLDER });
    const all = await interleaved(rounds, {
      admin: async (round) => {
        await steward.edit(remote, `remote ${round}`);
        const stopped = await look();
        await forget();
        return [stopped, await look(), await look()];
      },
      person: async () => {
        await forget();
        return [await look(token), await look(token)];
      },
      plain: () => plainRclone(['lsjson', '--no-mimetype', place('remote', FOLDER)]),
    });
    title(`A folder of ${whole(entries)} entries, ${rounds} rounds`, world);
    const cpu = (runs: readonly { cpu: number }[]): string =>
      (mean(runs.map((run) => run.cpu)) / 1000).toFixed(0);
    const line = (what: string, looks: readonly Look[]): string[] => [
      what,
      spread(looks.map(({ first }) => first)),
      spread(looks.map((one) => one.all)),
      cpu(looks),
    ];
    const nth = (looks: readonly Look[][], n: number): Look[] => looks.flatMap((these) => these[n] ?? []);
    const pages = Math.ceil(entries / PAGE);
    table(
      ['', 'first page, ms', `all ${pages} pages, ms`, 'processor time, ms'],
      [
        [
          '`rclone lsjson`, all at once',
          '',
          spread(all.plain.map(({ milliseconds }) => milliseconds)),
          cpu(all.plain),
        ],
        line('an admin, no rclone for the remote yet', nth(all.admin, 0)),
        line('an admin, the listing not remembered', nth(all.admin, 1)),
        line('an admin, remembered', nth(all.admin, 2)),
        line(`a user with ${RULES.length} rules, not remembered`, nth(all.person, 0)),
        line(`a user with ${RULES.length} rules, remembered`, nth(all.person, 1)),
      ],
    );
  });
}

/** An account that may read the remote as far as the rules let it; answers its token. */
async function person(steward: Steward, remote: string): Promise<string> {
  const { id } = await steward.call<{ id: string }>('POST', '/api/users', { ...PERSON, role: 'user' });
  const given = { permissions: ['read'], pathRules: RULES };
  await steward.call('PUT', `/api/remotes/${remote}/permissions/${id}`, given);
  return steward.login(PERSON.email, PERSON.password);
}

async function lookThrough(
  steward: Steward,
  remote: string,
  expected: number,
  token?: string,
): Promise<Look> {
  const names = new Set<string>();
  const [before, began] = [steward.spent(), performance.now()];
  let first = Number.NaN;
  let count = 0;
  for (let cursor: string | null = ''; cursor !== null;) {
    const query = new URLSearchParams({
      path: FOLDER,
      limit: String(PAGE),
      ...(cursor !== '' && { cursor }),
    });
    const page: { items: { name: string }[]; nextCursor: string | null } = await steward.call(
      'GET',
      `/api/remotes/${remote}/files?${query.toString()}`,
      undefined,
      token,
    );
    if (cursor === '') first = performance.now() - began;
    for (const { name } of page.items) names.add(name);
    count += page.items.length;
    cursor = page.nextCursor;
  }
  const all = performance.now() - began;
  if (names.size !== expected || count !== expected)
    throw new Error(`${names.size} names on ${count} lines instead of ${expected}`);
  return { first, all, cpu: steward.spent() - before };
}
