import { readFileSync, readdirSync } from 'node:fs';

interface Fields {
  readonly parent: number;
  readonly own: number;
  readonly endedChildren: number;
}

/** What Linux keeps of a process: clock ticks of a hundredth of a second. Null where there is no such file. */
function fieldsOf(pid: number | string): Fields | null {
  try {
    // The name, in parentheses, may contain anything; what follows it is numbered from 3.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    const field = (number: number): number => Number(fields[number - 3]);
    return { parent: field(4), own: field(14) + field(15), endedChildren: field(16) + field(17) };
  } catch {
    return null;
  }
}

export const parentOf = (pid: number): number => fieldsOf(pid)?.parent ?? 0;

/** Microseconds of processor time so far, of the process with these of its children; not a number where nobody tells. */
export function processorTime(
  pid: number,
  of: 'alone' | 'with children' | 'with ended children' | 'ended children',
): number {
  const process = fieldsOf(pid);
  if (!process) return Number.NaN;
  const living =
    of === 'with children'
      ? readdirSync('/proc').flatMap((name) => {
          const other = /^\d+$/.test(name) ? fieldsOf(name) : null;
          return other?.parent === pid ? [other.own] : [];
        })
      : [];
  const own = of === 'ended children' ? 0 : process.own;
  const ended = of === 'alone' ? 0 : process.endedChildren;
  return 10_000 * living.reduce((sum, one) => sum + one, own + ended);
}
