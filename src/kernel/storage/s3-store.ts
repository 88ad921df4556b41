import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { S3mini, S3ServiceError, type UploadPart } from 's3mini';
import { Counting } from './counting.js';
import {
  checkedKey,
  checkedPrefix,
  FileMissingError,
  FileStore,
  storeUnavailable,
  type ByteRange,
  type StoredFile,
  type WrittenFile,
} from './file-store.js';

/** What is in memory of one upload. S3 takes at most 10,000 parts, so a file has at most 78 GB. */
const PART_BYTES = 8 * 1024 * 1024;
/** Longest wait for the beginning of an answer. */
const ANSWER_MS = 60_000;
const PAGE = 1_000;

export interface S3Address {
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly pathStyle: boolean;
}

/** Files in a bucket of S3 or of a service that speaks it. */
export class S3Store extends FileStore {
  private readonly bucket: S3mini;

  constructor(address: S3Address) {
    super();
    this.bucket = new S3mini({
      endpoint: bucketUrl(address),
      region: address.region,
      accessKeyId: address.accessKey,
      secretAccessKey: address.secretKey,
      fetch: answeredSoon,
    });
  }

  /** S3 shows an object once it is complete. An upload that fails is aborted, so that its parts are not paid for. */
  async put(key: string, source: AsyncIterable<Uint8Array>): Promise<WrittenFile> {
    checkedKey(key);
    const counting = new Counting();
    const pieces = piecesOf(counting.through(source));
    const first = await pieces.next();
    const second = await pieces.next();
    if (second.done === true) {
      const body = first.done === true ? Buffer.alloc(0) : first.value;
      await this.request(key, () => this.bucket.putObject(key, body));
      return counting.result();
    }
    const uploadId = await this.request(key, () => this.bucket.getMultipartUploadId(key));
    try {
      const parts: UploadPart[] = [];
      const upload = async (piece: Buffer): Promise<void> => {
        parts.push(
          await this.request(key, () => this.bucket.uploadPart(key, uploadId, piece, parts.length + 1)),
        );
      };
      if (first.done !== true) await upload(first.value);
      await upload(second.value);
      for await (const piece of pieces) await upload(piece);
      await this.request(key, () => this.complete(key, uploadId, parts));
    } catch (error) {
      await this.bucket.abortMultipartUpload(key, uploadId).catch(() => undefined);
      throw error;
    }
    return counting.result();
  }

  async get(key: string, range?: ByteRange): Promise<Readable> {
    checkedKey(key);
    const { start = 0, end } = range ?? {};
    if (end !== undefined && end <= start) return Readable.from([]);
    const whole = range === undefined || (start === 0 && end === undefined);
    const answer = await this.request(key, () => this.bucket.getObjectRaw(key, whole, start, end)).catch(
      (error: unknown) => {
        if (statusOf(error) === 416) return null; // begins behind the end: nothing there
        throw error;
      },
    );
    if (!answer?.body) return Readable.from([]);
    return Readable.fromWeb(answer.body as ReadableStream<Uint8Array>);
  }

  /** By listing, which also tells the size and the time; a key sorts before all that it is the beginning of. */
  async stat(key: string): Promise<StoredFile | null> {
    const { objects } = await this.page(checkedKey(key), 1);
    const found = objects.find((one) => one.Key === key);
    return found ? storedFile(found) : null;
  }

  async delete(key: string): Promise<void> {
    await this.request(checkedKey(key), () => this.bucket.deleteObject(key)).catch((error: unknown) => {
      if (!(error instanceof FileMissingError)) throw error;
    });
  }

  async *list(prefix: string): AsyncIterable<StoredFile> {
    checkedPrefix(prefix);
    let token: string | undefined;
    do {
      const from: string | undefined = token;
      const page = await this.page(prefix, PAGE, from);
      yield* page.objects.map(storedFile);
      token = page.nextContinuationToken;
    } while (token !== undefined);
  }

  async check(): Promise<void> {
    await this.request('check/probe', () => this.bucket.putObject('check/probe', 'ok'));
    await this.delete('check/probe');
  }

  private async page(prefix: string, limit: number, from?: string) {
    const page = await this.request(prefix, () => this.bucket.listObjectsPaged('/', prefix, limit, from));
    if (!page) throw storeUnavailable(new Error('there is no such bucket'));
    return { ...page, objects: page.objects ?? [] };
  }

  /** The service may say 200 and tell in the body that it failed; without an etag nothing was completed. */
  private async complete(key: string, uploadId: string, parts: UploadPart[]): Promise<void> {
    const result: { etag?: unknown } = await this.bucket.completeMultipartUpload(key, uploadId, parts);
    if (typeof result.etag !== 'string') throw new Error('S3 did not complete the upload');
  }

  private async request<T>(key: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const isMissing = error instanceof S3ServiceError && error.serviceCode !== 'NoSuchBucket';
      throw isMissing && statusOf(error) === 404 ? new FileMissingError(key) : storeUnavailable(error);
    }
  }
}

function bucketUrl({ endpoint, bucket, pathStyle }: S3Address): string {
  const url = new URL(endpoint);
  if (pathStyle) url.pathname = `${url.pathname.replace(/\/+$/, '')}/${bucket}`;
  else url.host = `${bucket}.${url.host}`;
  return url.href;
}

/** Only the beginning of the answer has a limit: the body may take as long as it is read. */
async function answeredSoon(...[input, init]: Parameters<typeof fetch>): Promise<Response> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(new Error(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS);
  try {
    return await fetch(input, { ...init, signal: abort.signal });
  } finally {
    clearTimeout(timer);
  }
}

/** All of the same size but the last. */
async function* piecesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void> {
  let waiting: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    for (let from = 0; from < chunk.length;) {
      const part = chunk.subarray(from, from + PART_BYTES - size);
      waiting.push(part);
      size += part.length;
      from += part.length;
      if (size < PART_BYTES) continue;
      yield Buffer.concat(waiting);
      waiting = [];
      size = 0;
    }
  }
  if (size > 0) yield Buffer.concat(waiting);
}

const storedFile = (one: { Key: string; Size: number; LastModified: Date }): StoredFile => ({
  key: one.Key,
  bytes: one.Size,
  modifiedAt: one.LastModified,
});

/** Of the service's answer behind an error. */
function statusOf(error: unknown): number | undefined {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return cause instanceof S3ServiceError ? cause.status : undefined;
}
