import { Injectable } from '@nestjs/common';
import type { UserActor } from '../../../kernel/auth/index.js';
import { Database, type Tx } from '../../../kernel/database/index.js';
import {
  Idempotency,
  UserError,
  parseOrThrow,
  toAppError,
  type AppError,
  type FieldError,
  type OnceRequest,
} from '../../../kernel/http/index.js';
import { Log } from '../../../kernel/log/index.js';
import { JobsCreation, type Creation, type JobRequest } from '../jobs-creation.js';
import { createJobBody } from '../jobs.schema.js';
import type { BulkJobsBody, BulkJobsView } from './bulk-jobs.schema.js';

type Parsed = { readonly request: JobRequest } | { readonly refusal: unknown };
type Item = BulkJobsView['items'][number];

/**
 * Many jobs by one request, in one transaction: those that may be made are there when it is answered, the others are
 * refused one by one, each with its reason. Where all are refused nothing has happened, and it is a 400 that names
 * them all.
 */
@Injectable()
export class BulkJobsService {
  private readonly log: Log;

  constructor(
    private readonly database: Database,
    private readonly creation: JobsCreation,
    private readonly idempotency: Idempotency,
    log: Log,
  ) {
    this.log = log.area('jobs');
  }

  async create(actor: UserActor, { items }: BulkJobsBody, once: OnceRequest | null): Promise<BulkJobsView> {
    return this.database.as(actor).tx((tx) =>
      this.idempotency.once(tx, actor.userId, once, async () => ({
        items: answersOf(await this.createAll(tx, actor, items), (error) => this.report(error)),
      })),
    );
  }

  private async createAll(tx: Tx, actor: UserActor, items: readonly unknown[]): Promise<Creation[]> {
    const parsed = items.map(parse);
    const wellFormed = parsed.flatMap((one, index) => ('request' in one ? [{ ...one, index }] : []));
    const creations = await this.creation.createMany(
      tx,
      actor,
      wellFormed.map(({ request }) => request),
      (nth) => pointerOf(wellFormed[nth]!.index),
    );
    let next = 0;
    return parsed.map((one) => ('request' in one ? creations[next++]! : one));
  }

  /** Who asked sees only that it was not their fault. */
  private report(refusal: unknown): void {
    this.log.error({ err: refusal }, 'a job of many could not be made');
  }
}

const pointerOf = (index: number): string => `/items/${index}`;

function parse(item: unknown, index: number): Parsed {
  try {
    return { request: parseOrThrow(createJobBody, item, pointerOf(index)) };
  } catch (refusal) {
    return { refusal };
  }
}

function answersOf(creations: readonly Creation[], report: (refusal: unknown) => void): Item[] {
  const errors: AppError[] = [];
  const items = creations.map((one, index): Item => {
    if ('id' in one) return { index, id: one.id };
    const error = toAppError(one.refusal);
    if (error.status >= 500) report(one.refusal);
    errors.push(error);
    const { status, code, message } = error;
    return { index, error: { status, code, detail: message, errors: fieldsOf(error, index) } };
  });
  if (errors.length < items.length) return items;
  // Nobody's fault but ours: to be told as such, so that the client tries again.
  const ours = errors.find((error) => error.status >= 500);
  if (ours) throw ours;
  throw UserError.malformed(
    'No item was accepted; nothing has been created.',
    errors.flatMap((error, index) => fieldsOf(error, index)),
    'no_item_accepted',
  );
}

/** An error that names no field is about its item. */
function fieldsOf({ errors, code, message }: AppError, index: number): FieldError[] {
  return errors.length > 0 ? [...errors] : [{ pointer: pointerOf(index), code, detail: message }];
}
