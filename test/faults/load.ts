import { setTimeout as sleep } from 'node:timers/promises';
import { accessToken } from '../harness/client.js';
import { PASSWORD, type Server } from './cluster.js';
import { FAULT_KINDS } from './fault-jobs.js';
import type { Random } from './random.js';

export type Kind = (typeof FAULT_KINDS)[number];

/** A job that was asked for over HTTP, as the one who asked has it on record. */
export interface Asked {
  readonly n: number;
  readonly kind: Kind;
  /** Null until the server has said that it is accepted. */
  id: string | null;
  cancelAsked: boolean;
}

const ANSWER_MS = 8_000;
/** Shares of a hundred. */
const MIX: readonly (readonly [Kind, number])[] = [
  ['quick', 55],
  ['slow', 25],
  ['stubborn', 8],
  ['flaky', 8],
  ['refused', 4],
];

/**
 * Clients that ask for jobs and do what good clients do: when an answer does not come they ask again with the same
 * Idempotency-Key, until it does. Keeps the record that the rows are held against.
 */
export class Load {
  readonly asked: Asked[] = [];
  private token: string | null = null;
  private running: Promise<void>[] = [];
  private going = false;
  private static next = 1;

  constructor(
    private readonly api: Server,
    private readonly round: number,
    private readonly random: Random,
    private readonly perSecond: number,
  ) {}

  start(): void {
    this.going = true;
    this.running.push(this.go());
  }

  /** Asks for no more jobs, and resolves when every request has had its answer. */
  async finish(limitMs: number): Promise<void> {
    this.going = false;
    const deadline = performance.now() + limitMs;
    this.deadline = deadline;
    await Promise.all(this.running);
  }
  private deadline = Infinity;

  /** One job beside the stream, also when none is under way. Rejects when it is not accepted in time. */
  async one(kind: Kind, milliseconds: number): Promise<Asked> {
    const asked = this.note(kind);
    await this.create(asked, milliseconds);
    return asked;
  }

  private async go(): Promise<void> {
    const requests = new Set<Promise<void>>();
    while (this.going) {
      await sleep(1_000 / this.perSecond);
      if (requests.size >= 50) continue; // the server does not answer; the rest waits with its clients
      const kind = this.kind();
      const milliseconds = kind === 'quick' ? 0 : 100 + this.random.below(1_500);
      const asked = this.note(kind);
      const request = this.create(asked, milliseconds)
        .then(() => (this.random.below(100) < 3 ? this.cancel(asked) : undefined))
        .finally(() => requests.delete(request));
      requests.add(request);
    }
    await Promise.all(requests);
  }

  private note(kind: Kind): Asked {
    const asked: Asked = { n: Load.next++, kind, id: null, cancelAsked: false };
    this.asked.push(asked);
    return asked;
  }

  private kind(): Kind {
    let left = this.random.below(100);
    return MIX.find(([, share]) => (left -= share) < 0)?.[0] ?? 'quick';
  }

  private async create(asked: Asked, milliseconds: number): Promise<void> {
    const { n, kind } = asked;
    const body = {
      type: n % 3 === 0 ? 'fault-single' : 'fault-shared',
      payload: { n, round: this.round, kind, milliseconds },
    };
    while (performance.now() < this.deadline) {
      const answer = await this.call('/api/jobs', body, { 'idempotency-key': `fault-${this.round}-${n}` });
      if (answer?.status === 202) {
        asked.id = (answer.body as { id: string }).id;
        return;
      }
      await sleep(200);
    }
  }

  private async cancel(asked: Asked): Promise<void> {
    asked.cancelAsked = true;
    await this.call(`/api/jobs/${asked.id}/cancel`, {}, {});
  }

  /** Null when there was no answer, or none that says anything about the request. */
  async call(
    place: string,
    body: object,
    headers: Readonly<Record<string, string>>,
  ): Promise<{ status: number; body: unknown } | null> {
    try {
      const url = await this.api.url();
      if (url === null) return null;
      this.token ??= await accessToken(url, 'admin@steward.local', PASSWORD);
      const answer = await fetch(`${url}${place}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${this.token}`,
          ...headers,
        },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      if (answer.status === 401) this.token = null;
      return { status: answer.status, body: await answer.json() };
    } catch {
      return null;
    }
  }
}
