import { describe, expect, it } from 'vitest';
import { RcConnectionError, RcError } from '../rc-client.js';
import { RcJobs } from './rc-jobs.js';

const SUM = { bytes: 5, totalTransfers: 4, fatalError: true };
const OWN = { bytes: 5, totalTransfers: 400, fatalError: false };

/** An rclone whose call ends when it has been asked after so many times. */
function rclone(looks: number, end: object) {
  const asked: string[] = [];
  const call = async (method: string, parameters: object): Promise<Record<string, unknown>> => {
    const given = parameters as { jobid?: number; group?: string };
    asked.push(method);
    if (method === 'core/stats') return given.group === undefined ? SUM : given.group === 'job/7' ? OWN : {};
    if (method !== 'job/status') return { jobid: 7 };
    expect(given.jobid).toBe(7);
    const over = asked.filter((one) => one === method).length >= looks;
    return over ? { finished: true, ...end } : { finished: false };
  };
  return { process: { call }, asked };
}

describe('RcJobs', () => {
  it('follows a call by the statistics of its own, which know what waits, the last of them after its end', async () => {
    const { process, asked } = rclone(30, { success: true, output: { count: 3 } });
    const ticks: object[] = [];
    const jobs = new RcJobs(process, new AbortController().signal);
    const onTick = (stats: object): void => void ticks.push(stats);
    expect(await jobs.run('sync/copy', {}, { changes: true, onTick })).toEqual({ count: 3 });
    expect(jobs.isChanging).toBe(false);
    expect(new Set(ticks)).toEqual(new Set([OWN]));
    expect(asked.slice(-2)).toEqual(['job/status', 'core/stats']);
  });

  it('asks the sum of all calls whether a failure is final: nothing else knows', async () => {
    const { process } = rclone(2, { success: false, error: 'no more room' });
    const ticks: object[] = [];
    const jobs = new RcJobs(process, new AbortController().signal);
    const failed = jobs.run('sync/copy', {}, { changes: true, onTick: (stats) => ticks.push(stats) });
    await expect(failed).rejects.toThrow(new RcError('sync/copy', 500, 'no more room'));
    expect(ticks.at(-1)).toEqual({ ...OWN, fatalError: true });
    expect(jobs.isChanging).toBe(false);
  });

  it('stops asking when it is aborted, and says that something is being changed', async () => {
    const { process } = rclone(Infinity, {});
    const abort = new AbortController();
    const jobs = new RcJobs(process, abort.signal);
    const onTick = (): void => abort.abort(new Error('enough'));
    const failed = jobs.run('sync/copy', {}, { changes: true, onTick });
    await expect(failed).rejects.toMatchObject({ name: 'AbortError' });
    expect(jobs.isChanging).toBe(true);
  });

  it('says whether rclone has taken it that its log is to be short', async () => {
    const { signal } = new AbortController();
    const answering = (answer: () => Promise<Record<string, unknown>>): RcJobs =>
      new RcJobs({ call: answer }, signal);
    expect(await answering(() => Promise.resolve({})).quieten()).toBe(true);
    const refused = new RcError('options/set', 403, 'not here');
    expect(await answering(() => Promise.reject(refused)).quieten()).toBe(false);
    const broken = new RcConnectionError('options/set', 'gone');
    await expect(answering(() => Promise.reject(broken)).quieten()).rejects.toBe(broken);
  });
});
