import { rm } from 'node:fs/promises';
import { plainRclone, type Run } from './remotes-plain.js';
import { at, type Job, type Steward } from './remotes-steward.js';
import type { World } from './remotes-world.js';

export interface JobRun extends Run {
  readonly job: Job;
  /** Processor time in microseconds; `cpu` is that of Steward's process and its rclone. */
  readonly postgres: number;
  readonly redis: number;
}

/** From the request for a copy until the news of its end has come, and what it took. */
export async function copyByJob(
  { steward, services }: Pick<World, 'steward' | 'services'>,
  source: object,
  destination: object,
  options?: object,
): Promise<JobRun> {
  const before = { steward: steward.spent(), ...services.spent() };
  const began = performance.now();
  const id = await steward.ask('copy', { source, destination, ...(options && { options }) });
  const milliseconds = (await steward.ended(id)) - began;
  const after = { steward: steward.spent(), ...services.spent() };
  const job = await steward.job(id);
  if (job.status !== 'completed') throw new Error(`the job is ${job.status}: ${job.error}`);
  return {
    milliseconds,
    cpu: after.steward - before.steward,
    postgres: after.postgres - before.postgres,
    redis: after.redis - before.redis,
    job,
  };
}

/** Copies of one folder, by a job and by rclone alone, each to a place where nothing is. */
export class Copies {
  private made = 0;

  private constructor(
    private readonly world: World,
    private readonly from: string,
    private readonly to: string,
    /** As a job is given them; rclone gets the same. */
    private readonly how: { readonly transfers: number; readonly checkers: number },
    private readonly check: (copy: string) => Promise<void>,
  ) {}

  /** Of everything in `place('from')`. `check` looks at each copy afterwards. */
  static async of(
    world: World,
    how: { transfers: number; checkers: number },
    check: (copy: string) => Promise<void>,
  ): Promise<Copies> {
    const { steward, place } = world;
    return new Copies(
      world,
      await steward.remote(place('from')),
      await steward.remote(place('to')),
      how,
      check,
    );
  }

  async byJob(): Promise<JobRun> {
    const name = `job ${this.made++}`;
    const run = await copyByJob(this.world, at(this.from), at(this.to, `/${name}`), this.how);
    await this.finish(name);
    return run;
  }

  async byRclone(...flags: readonly string[]): Promise<Run> {
    const { place } = this.world;
    const name = `plain ${this.made++}`;
    const { transfers, checkers } = this.how;
    const settings = [`--transfers=${transfers}`, `--checkers=${checkers}`, ...flags];
    const run = await plainRclone(['copy', ...settings, place('from'), place('to', name)]);
    await this.finish(name);
    return run;
  }

  private async finish(name: string): Promise<void> {
    const copy = this.world.place('to', name);
    await this.check(copy);
    await rm(copy, { recursive: true });
  }
}

export interface Phases {
  /** Until an attempt began. */
  readonly waiting: number;
  /** Until rclone was there and both ends had been looked at. */
  readonly preparing: number;
  readonly transferring: number;
  /** Until its end was in the row. */
  readonly settling: number;
}

/** What the row and the log of an ended copy say of where its time went, in milliseconds. */
export async function phasesOf(steward: Steward, job: Job): Promise<Phases> {
  const { items } = await steward.call<{ items: { createdAt: string }[] }>(
    'GET',
    `/api/jobs/${job.id}/logs?limit=100`,
  );
  const [last, first] = [items[0], items.at(-1)].map((line) => Date.parse(line?.createdAt ?? ''));
  const [created, started, completed] = [job.createdAt, job.startedAt, job.completedAt].map((time) =>
    Date.parse(time),
  );
  if (first === undefined || last === undefined || items.length < 2) throw new Error('its log is too short');
  return {
    waiting: started! - created!,
    preparing: first - started!,
    transferring: last - first,
    settling: completed! - last,
  };
}
