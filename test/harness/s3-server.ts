import { createHash, createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export const S3_KEYS = { accessKey: 'AKIATEST', secretKey: 'the secret of the bucket' } as const;
const REGION = 'eu-test-1';

interface S3Object {
  readonly body: Buffer;
  readonly modifiedAt: Date;
}

/**
 * The part of S3 that the store uses, in memory, for one bucket: single and multipart uploads, ranges, listing in
 * pages, and signatures (AWS Signature Version 4) that are computed here from the documentation and refused when
 * they are wrong. rclone, which brings the SDK of AWS, understands it, too; a test proves that.
 */
export class S3TestServer {
  readonly objects = new Map<string, S3Object>();
  readonly uploads = new Map<string, { key: string; parts: Map<number, Buffer> }>();
  readonly requests: string[] = [];
  /** Asked before each answer; what it returns is answered instead, as an error of that name. */
  fault: (request: string) => { status: number; code: string } | 'cut' | null = () => null;
  /** Keys in one page of a listing. */
  pageSize = 1000;

  private constructor(
    private readonly server: Server,
    readonly bucket: string,
  ) {
    server.on('request', (request: IncomingMessage, reply: ServerResponse) => {
      this.answer(request, reply).catch((error: unknown) => {
        reply.destroy(error instanceof Error ? error : new Error(String(error)));
      });
    });
  }

  static async start(bucket = 'steward-test'): Promise<S3TestServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new S3TestServer(server, bucket);
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get address() {
    return { endpoint: this.endpoint, region: REGION, bucket: this.bucket, pathStyle: true, ...S3_KEYS };
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(request: IncomingMessage, reply: ServerResponse): Promise<unknown> {
    const url = new URL(request.url ?? '/', this.endpoint);
    const name = `${request.method} ${decodeURIComponent(url.pathname)}${url.search}`;
    this.requests.push(name);
    const body = await buffer(request);
    const fault = this.fault(name);
    if (fault === 'cut') return reply.destroy();
    if (fault) return this.refuse(reply, fault.status, fault.code);
    if (!isSigned(request, url)) return this.refuse(reply, 403, 'SignatureDoesNotMatch');
    const [, bucket, ...rest] = decodeURIComponent(url.pathname).split('/');
    if (bucket !== this.bucket) return this.refuse(reply, 404, 'NoSuchBucket');
    const key = rest.join('/');
    const handled = key === '' ? this.list(url, reply) : this.object(request, reply, url, key, body);
    return handled || this.refuse(reply, 501, 'NotImplemented');
  }

  private object(
    request: IncomingMessage,
    reply: ServerResponse,
    url: URL,
    key: string,
    body: Buffer,
  ): boolean {
    const uploadId = url.searchParams.get('uploadId');
    switch (request.method) {
      case 'PUT':
        return uploadId === null
          ? this.store(reply, key, body)
          : this.storePart(reply, uploadId, Number(url.searchParams.get('partNumber')), body);
      case 'POST':
        return uploadId === null
          ? this.beginUpload(reply, key)
          : this.endUpload(reply, uploadId, String(body));
      case 'DELETE':
        if (uploadId === null) this.objects.delete(key);
        else this.uploads.delete(uploadId);
        reply.writeHead(204).end();
        return true;
      case 'GET':
      case 'HEAD':
        return this.read(request, reply, key);
      default:
        return false;
    }
  }

  private store(reply: ServerResponse, key: string, body: Buffer): boolean {
    this.objects.set(key, { body, modifiedAt: new Date() });
    reply.writeHead(200, { etag: etagOf(body) }).end();
    return true;
  }

  private beginUpload(reply: ServerResponse, key: string): boolean {
    const id = randomUUID();
    this.uploads.set(id, { key, parts: new Map() });
    return xml(
      reply,
      `<InitiateMultipartUploadResult><Bucket>${this.bucket}</Bucket><Key>${key}</Key><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
    );
  }

  private storePart(reply: ServerResponse, uploadId: string, number: number, body: Buffer): boolean {
    const upload = this.uploads.get(uploadId);
    if (!upload) return this.refuse(reply, 404, 'NoSuchUpload');
    upload.parts.set(number, body);
    reply.writeHead(200, { etag: etagOf(body) }).end();
    return true;
  }

  private endUpload(reply: ServerResponse, uploadId: string, order: string): boolean {
    const upload = this.uploads.get(uploadId);
    if (!upload) return this.refuse(reply, 404, 'NoSuchUpload');
    const wanted = [...order.matchAll(/<PartNumber>(\d+)<\/PartNumber>\s*<ETag>(?:&quot;|")?([0-9a-f]+)/g)];
    const parts = wanted.map(([, number]) => upload.parts.get(Number(number)));
    const whole = parts.every((part, index) => part && etagOf(part) === `"${wanted[index]?.[2]}"`);
    if (!whole || parts.length === 0) return this.refuse(reply, 400, 'InvalidPart');
    if (parts.slice(0, -1).some((part) => (part?.length ?? 0) < 5 * 1024 * 1024))
      return this.refuse(reply, 400, 'EntityTooSmall');
    const body = Buffer.concat(parts as Buffer[]);
    this.objects.set(upload.key, { body, modifiedAt: new Date() });
    this.uploads.delete(uploadId);
    return xml(
      reply,
      `<CompleteMultipartUploadResult><Bucket>${this.bucket}</Bucket><Key>${upload.key}</Key><ETag>&quot;${'0'.repeat(32)}-${parts.length}&quot;</ETag></CompleteMultipartUploadResult>`,
    );
  }

  private read(request: IncomingMessage, reply: ServerResponse, key: string): boolean {
    const object = this.objects.get(key);
    if (!object) return this.refuse(reply, 404, 'NoSuchKey');
    const { body, modifiedAt } = object;
    const headers = {
      etag: etagOf(body),
      'last-modified': modifiedAt.toUTCString(),
      'accept-ranges': 'bytes',
      'content-type': 'application/octet-stream',
    };
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const from = Number(range?.[1] ?? 0);
    if (range && from >= body.length) return this.refuse(reply, 416, 'InvalidRange');
    const to = range?.[2] ? Math.min(Number(range[2]), body.length - 1) : body.length - 1;
    const part = body.subarray(from, to + 1);
    reply.writeHead(range ? 206 : 200, {
      ...headers,
      'content-length': part.length,
      ...(range ? { 'content-range': `bytes ${from}-${to}/${body.length}` } : {}),
    });
    reply.end(request.method === 'HEAD' ? undefined : part);
    return true;
  }

  private list(url: URL, reply: ServerResponse): boolean {
    const prefix = url.searchParams.get('prefix') ?? '';
    const after = url.searchParams.get('continuation-token') ?? url.searchParams.get('start-after') ?? '';
    const limit = Math.min(Number(url.searchParams.get('max-keys') ?? 1000), this.pageSize);
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > after).toSorted();
    const shown = keys.slice(0, limit);
    const contents = shown.map((key) => {
      const { body, modifiedAt } = this.objects.get(key)!;
      return `<Contents><Key>${key}</Key><LastModified>${modifiedAt.toISOString()}</LastModified><ETag>&quot;${etagOf(body).slice(1, -1)}&quot;</ETag><Size>${body.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`;
    });
    const more = keys.length > limit;
    const next = more ? `<NextContinuationToken>${shown.at(-1)}</NextContinuationToken>` : '';
    return xml(
      reply,
      `<ListBucketResult><Name>${this.bucket}</Name><Prefix>${prefix}</Prefix><KeyCount>${shown.length}</KeyCount><MaxKeys>${limit}</MaxKeys><IsTruncated>${more}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`,
    );
  }

  private refuse(reply: ServerResponse, status: number, code: string): true {
    reply.writeHead(status, { 'content-type': 'application/xml' });
    reply.end(
      `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`,
    );
    return true;
  }
}

function xml(reply: ServerResponse, content: string): true {
  reply.writeHead(200, { 'content-type': 'application/xml' });
  reply.end(`<?xml version="1.0" encoding="UTF-8"?>${content}`);
  return true;
}

const etagOf = (body: Buffer): string => `"${createHash('md5').update(body).digest('hex')}"`;
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
function isSigned(request: IncomingMessage, url: URL): boolean {
  const header = request.headers.authorization ?? '';
  const parts =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      header,
    );
  if (!parts) return false;
  const [, accessKey, day, region, signedHeaders, signature] = parts as unknown as string[];
  const names = (signedHeaders ?? '').split(';');
  if (accessKey !== S3_KEYS.accessKey || region !== REGION || !names.includes('host')) return false;
  const query = [...url.searchParams]
    .map(([name, value]) => [escaped(name), escaped(value)] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
  const headers = names.map((name) => `${name}:${String(request.headers[name] ?? '').trim()}\n`).join('');
  const payload = String(request.headers['x-amz-content-sha256']);
  const path = url.pathname
    .split('/')
    .map((part) => escaped(decodeURIComponent(part)))
    .join('/');
  const canonical = [request.method, path, query, headers, signedHeaders, payload].join('\n');
  const moment = String(request.headers['x-amz-date']);
  const hash = createHash('sha256').update(canonical).digest('hex');
  const toSign = ['AWS4-HMAC-SHA256', moment, `${day}/${region}/s3/aws4_request`, hash].join('\n');
  const key = [day ?? '', region, 's3', 'aws4_request'].reduce<string | Buffer>(
    (from, text) => hmac(from, text),
    `AWS4${S3_KEYS.secretKey}`,
  );
  return timingSafeEqual(hmac(key, toSign), Buffer.from(signature ?? '', 'hex'));
}

const escaped = (text: string): string =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  );
