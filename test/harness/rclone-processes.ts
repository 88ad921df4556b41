import { readFile, readdir, readlink } from 'node:fs/promises';

/** Process ids of every `rclone rcd` whose parent is `parent`. */
export async function rcloneProcesses(parent: number): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = await readFile(`/proc/${name}/stat`, 'utf8');
      const [state, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const program = await readlink(`/proc/${name}/exe`);
      const serves = (await readFile(`/proc/${name}/cmdline`, 'utf8')).split('\0')[1] === 'rcd';
      if (Number(ppid) === parent && state !== 'Z' && program.endsWith('rclone') && serves)
        found.push(Number(name));
    } catch {
      // It ended meanwhile.
    }
  }
  return found;
}

/** Those of transfers, told by how long they remember. The others serve look-ups and stay for the next one. */
export async function copyingProcesses(parent: number): Promise<number[]> {
  const found: number[] = [];
  for (const pid of await rcloneProcesses(parent)) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.split('\0').includes('2m')) found.push(pid);
  }
  return found;
}
