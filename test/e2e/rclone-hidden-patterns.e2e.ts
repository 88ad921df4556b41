import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RcloneBinary } from '../../src/modules/remotes/engine/rclone-binary.js';
import { RcloneProcess } from '../../src/modules/remotes/engine/rclone-process.js';
import { rcFilter } from '../../src/modules/remotes/engine/rc-options.js';
import { compileGlob, covers, pathKeys } from '../../src/modules/remotes/names/glob.js';
import { hiddenPattern } from '../../src/modules/remotes/names/hidden.js';
import { write } from '../harness/files.js';
import { rcloneIsInstalled, twoRemotes } from './rclone-engine.js';

/** Parts of names and of rules: in all spellings, with what means something in patterns. */
const FAMILIES = [
  ['a', 'b', '.', '-', '[', ']', '{', '}', '}}', '(', '^', '\\', ',', '\n', '😀'],
  ['e', '\u00e9', '\u1eb9', '\u1ebf', '\u0301', '\u0302', '\u0323', 'x', '.'],
  ['\u1112', '\u1161', '\u11ab', '\ud558', '\ud55c', '\uae00', 'x', '.'],
  ['\u0438', '\u0439', '\u0419', '\u0306', '\u0301', '\u0451', 'K', '\u212a', '.'],
  ['\u0e23', '\u0e39', '\u0e1b', '\u0e49', '\u0e34', '\u0627', '\u0622', '\u0653', '\u200c', '.'],
];
/** As many as each of some folders is asked about. */
const RULES = 80;

const nameOf = (units: readonly string[]): fc.Arbitrary<string> =>
  fc
    .array(fc.constantFrom(...units), { minLength: 1, maxLength: 5 })
    .map((parts) => parts.join(''))
    .filter((name) => !/^\.{1,2}$/.test(name.normalize('NFKC')));
const ruleOf = (units: readonly string[]): fc.Arbitrary<string> => {
  const part = fc.oneof(fc.constantFrom(...units.filter((unit) => unit !== '\n')), fc.constantFrom('?', '*'));
  const segment = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(''));
  return fc
    .array(fc.oneof({ weight: 2, arbitrary: segment }, fc.constant('**')), { minLength: 1, maxLength: 3 })
    .map((segments) => `/${segments.join('/')}`);
};

describe.skipIf(!rcloneIsInstalled)('what patterns hide from the real rclone', () => {
  it.each(FAMILIES.map((units) => [units.join(' '), units] as const))('of names of %s', async (_, units) => {
    const { from } = await twoRemotes();
    const paths = fc.sample(fc.tuple(nameOf(units), nameOf(units), nameOf(units)), { numRuns: 400, seed: 5 });
    for (const names of paths) {
      const path = names.slice(0, 1 + (names.join('').length % 3)).join('/');
      // A file may be where another path has a folder.
      await write(from.root, { [path]: '' }).catch(() => undefined);
    }
    const rules = fc.sample(ruleOf(units), { numRuns: RULES, seed: 7 });
    const command = await new RcloneBinary({}).locate();
    if ('available' in command) throw new Error('rclone is missing');
    const rclone = await RcloneProcess.start(command, { jobExpiry: '2m', onLine: () => undefined });
    const list = async (filter: object): Promise<string[]> => {
      const opt = { recurse: true, noModTime: true, noMimeType: true };
      const parameters = { fs: from.root, remote: '', opt, ...filter };
      const { list: entries } = await rclone.call('operations/list', parameters);
      return (entries as { Path: string }[]).map(({ Path }) => Path);
    };
    let [kept, left, more] = [0, 0, 0];
    try {
      const all = await list({});
      expect(all.length).toBeGreaterThan(300);
      for (const rule of rules) {
        const spelling = { ignoresCase: rule.length % 2 === 0 };
        const glob = compileGlob(rule, spelling);
        const pattern = hiddenPattern(glob, spelling);
        if (pattern === null || glob.runs.every((run) => run.length === 0)) continue;
        const seen = new Set(await list({ _filter: rcFilter({ hidden: [pattern] }) }));
        const denied = all.filter((path) => covers(glob, pathKeys(path, spelling)));
        expect([rule, denied.filter((path) => seen.has(path))]).toEqual([rule, []]);
        kept += denied.length;
        left += seen.size;
        more += all.length - seen.size - denied.length;
      }
    } finally {
      await rclone.kill();
    }
    expect(kept).toBeGreaterThan(300);
    expect(left).toBeGreaterThan(300);
    expect(more).toBeLessThan(left / 20);
  });
});
