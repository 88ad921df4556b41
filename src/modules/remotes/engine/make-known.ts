import type { RcloneProcess } from './rclone-process.js';
import type { EngineRemote } from './transfer-engine.js';

/**
 * Makes remotes known to a process, in its memory only, and answers what each is called there, with the colon:
 * `names.get(remote.id) + path` is an `fs` of rclone. Names are ours; a path is clamped at the root of its remote.
 *
 * To be called once per process, with all its remotes: the same remote must have one name, else rclone takes it
 * for two, which forbids moving within it and backing up into it.
 */
export async function makeKnown(
  process: Pick<RcloneProcess, 'call'>,
  remotes: readonly EngineRemote[],
): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for (const remote of remotes) {
    if (names.has(remote.id)) continue;
    const name = `r${names.size + 1}`;
    await process.call('config/create', {
      name,
      type: 'alias',
      parameters: { remote: remote.root },
      opt: { nonInteractive: true },
    });
    names.set(remote.id, `${name}:`);
  }
  return names;
}
