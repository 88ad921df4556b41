import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it, vi } from 'vitest';

import {
  MiB,
  base,
  rcloneIsInstalled,
  twoRemotes,
  write,
  type Seen,
  copy,
  failure,
  slowCopy,
  children,
  noneRuns,
} from './rclone-engine.js';

describe.skipIf(!rcloneIsInstalled)('RcloneEngine: ending', () => {
  it('stops rclone, removes what it was writing and names it', async () => {
    const { seen, to, end } = await slowCopy();
    seen.abort.abort();
    const error = await end;
    expect(error).toMatchObject({ kind: 'cancelled', retryable: false, possiblyPartial: ['slow'] });
    expect(error.result?.bytes).toBeGreaterThan(0);
    expect(await readdir(to.root)).toEqual([]);
    await noneRuns();
  });

  it('kills an rclone that does not stop', async () => {
    const { seen, end } = await slowCopy();
    const [pid] = await children(process.pid);
    if (pid === undefined) throw new Error('no rclone runs');
    process.kill(pid, 'SIGSTOP');
    seen.abort.abort();
    expect((await end).kind).toBe('cancelled');
    await noneRuns();
  });

  it('does nothing when it was aborted before', async () => {
    const { from, to, remotes } = await twoRemotes();
    await write(from.root, { a: 'x' });
    const seen: Seen = { progress: [], log: [], abort: new AbortController() };
    seen.abort.abort();
    expect(await failure(copy(remotes, '/', '/', {}, seen))).toMatchObject({ kind: 'cancelled' });
    expect(await readdir(to.root)).toEqual([]);
  });

  it('tells a crash of rclone from a cancellation', async () => {
    const { end } = await slowCopy();
    const [pid] = await children(process.pid);
    if (pid === undefined) throw new Error('no rclone runs');
    process.kill(pid, 'SIGKILL');
    expect(await end).toMatchObject({
      kind: 'temporary',
      retryable: true,
      message: 'rclone ended (SIGKILL) during the transfer.',
      possiblyPartial: ['slow'],
    });
  });

  it.skipIf(process.platform !== 'linux')('dies with its owner, however that dies', async () => {
    const code = join(base, 'code');
    await transpile(fileURLToPath(new URL('../../src/modules/remotes', import.meta.url)), code);
    const { from, to } = await twoRemotes();
    await writeFile(join(from.root, 'slow'), randomBytes(5 * MiB));
    await writeFile(
      join(code, 'owner.js'),
      `import { RcloneEngine } from './engine/rclone-engine.js';
       const [, , base, from, to] = process.argv;
       const engine = new RcloneEngine({ localRoots: [base] });
       const remote = (id, root) => ({ id, type: 'local', root, version: 1, options: {}, parts: [] });
       const remotes = [remote('a', from), remote('b', to)];
       await engine.list(remotes[0], '');
       await engine.transfer(remotes,
         { kind: 'copy', source: { remoteId: 'a', path: '' }, destination: { remoteId: 'b', path: '' },
           options: { bandwidthLimit: 100_000 } },
         { signal: new AbortController().signal, isRepeated: false, onStart() {}, onLog() {},
           onProgress: ({ bytes }) => console.log(bytes) });`,
    );
    const owner = spawn(process.execPath, [join(code, 'owner.js'), base, from.root, to.root], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const crashed = once(owner, 'exit').then(() => Promise.reject(new Error('the owner ended by itself')));
    await Promise.race([once(createInterface({ input: owner.stdout }), 'line'), crashed]);
    const pids = await children(owner.pid ?? 0);
    expect(pids).toHaveLength(2);
    owner.kill('SIGKILL');
    await vi.waitFor(
      () => {
        for (const pid of pids) expect(existsSync(`/proc/${pid}/exe`)).toBe(false);
      },
      { timeout: 60_000, interval: 10 },
    );
  });
});

/** The engine as plain JavaScript, for a process of its own. It uses nothing but Node. */
async function transpile(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/(?<!\.spec|\.medium)\.ts$/.test(entry.name)) continue;
    const source = join(entry.parentPath, entry.name);
    const target = join(to, relative(from, source).replace(/\.ts$/, '.js'));
    await mkdir(dirname(target), { recursive: true });
    const { outputText } = ts.transpileModule(await readFile(source, 'utf8'), {
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2023,
        useDefineForClassFields: false,
      },
    });
    await writeFile(target, outputText);
  }
  await writeFile(join(to, 'package.json'), '{"type":"module"}');
}
