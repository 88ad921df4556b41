import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { median } from './jobs-common.js';
import { makeLargeFile } from './remotes-files.js';
import { copyByJob } from './remotes-jobs.js';
import { at } from './remotes-steward.js';
import { inWorld, table, title, type World } from './remotes-world.js';
import type { BenchServices } from './services.js';

const MiB = 1024 * 1024;
const FILES = 4;
const FILE_MIB = 16;
const SAMPLES = 20;
const PAUSE_MS = 100;
/** Slow enough that every job runs until all of them have been looked at. */
const BANDWIDTH = 2 * MiB;

interface Memory {
  /** MB in memory, pages that are shared with others counted whole. */
  readonly resident: number;
  /** The same, shared pages counted by the part of each. */
  readonly proportional: number;
}

/** What the jobs that run hold in memory: each is an rclone of its own. */
export async function memory(services: BenchServices, jobs: number): Promise<void> {
  await inWorld(services, { bytes: (jobs + 2) * FILES * FILE_MIB * MiB }, async (world) => {
    const { steward, place } = world;
    for (let n = 0; n < FILES; n++) await makeLargeFile(path.join(place('from'), `file ${n}`), FILE_MIB);
    const from = await steward.remote(place('from'));
    const to = await Promise.all(
      Array.from({ length: jobs }, (_, n) => steward.remote(place('to', String(n)))),
    );
    // What the first job needs is made once.
    await copyByJob(world, at(from), at(await steward.remote(place('first'))));
    const idle = await sampled(() => [steward.pid]);
    const options = { bandwidthLimit: BANDWIDTH, transfers: FILES };
    const payloads = to.map((id) => ({ source: at(from), destination: at(id), options }));
    const ids = await Promise.all(payloads.map((payload) => steward.ask('copy', payload)));
    await running(world, ids);
    const rclone = await sampled(() => steward.rclones('transfers'));
    const busy = await sampled(() => [steward.pid]);
    const count = steward.rclones('transfers').length;
    if (count !== jobs) throw new Error(`${count} of ${jobs} jobs ran at the same time to the end`);
    await Promise.all(ids.map((id) => steward.call('POST', `/api/jobs/${id}/cancel`)));
    await Promise.all(ids.map((id) => steward.ended(id)));
    title(`Memory of ${jobs} copies that run, each of ${FILES} files at a time`, world);
    const line = (what: string, { resident, proportional }: Memory): (string | number)[] => [
      what,
      resident.toFixed(0),
      proportional.toFixed(0),
    ];
    table(
      ['', 'resident, MB', 'shared pages by their part, MB'],
      [
        line('the rclone of one job', rclone),
        line('Steward, no job', idle),
        line(`Steward, ${jobs} jobs`, busy),
        line(`Steward with the rclones of ${jobs} jobs`, {
          resident: busy.resident + jobs * rclone.resident,
          proportional: busy.proportional + jobs * rclone.proportional,
        }),
      ],
    );
  });
}

/** Until every one of them has moved bytes. */
async function running({ steward }: World, ids: readonly string[]): Promise<void> {
  for (const id of ids)
    for (let job = await steward.job(id); job.progress === 0; job = await steward.job(id)) {
      if (!['pending', 'queued', 'running'].includes(job.status))
        throw new Error(`the job is ${job.status}: ${job.error}`);
      await delay(PAUSE_MS);
    }
}

/** The median of one process over some seconds: what garbage collection is about to free comes and goes. */
async function sampled(pids: () => readonly number[]): Promise<Memory> {
  const seen: Memory[] = [];
  for (let sample = 0; sample < SAMPLES; sample++) {
    seen.push(...pids().map(memoryOf));
    await delay(PAUSE_MS);
  }
  return {
    resident: median(seen.map(({ resident }) => resident)),
    proportional: median(seen.map(({ proportional }) => proportional)),
  };
}

function memoryOf(pid: number): Memory {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const megabytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1]) / 1000;
  return { resident: megabytes('Rss'), proportional: megabytes('Pss') };
}
