import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import S3rver from '@20minutes/s3rver';
import account from '@20minutes/s3rver/lib/models/account.js';
import { Proxy } from '../faults/proxy.js';
import { tree, write } from '../harness/files.js';
import { type Access, FarSide } from './far-side.js';

const BUCKET = 'far-side';
/** The server keeps an object in a file of the object's key and this. */
const OBJECT = '._S3rver_object';
const FULL = '<Error><Code>XMinioStorageFull</Code><Message>Storage backend is full.</Message></Error>';

/**
 * An S3 server that keeps its objects in files. Signatures are checked; keys belong to the account, which all
 * servers of this process share, so each has one of its own.
 */
export class S3FarSide extends FarSide {
  /** Every write is answered like by a server without space. */
  isFull = false;

  private constructor(
    cable: Proxy,
    folder: string,
    private readonly server: S3rver,
  ) {
    super('s3', cable, folder);
    account.DUMMY_ACCOUNT.createKeyPair(this.accessKey, this.password);
  }

  static async start(): Promise<S3FarSide> {
    const folder = await FarSide.newFolder();
    const directory = path.join(folder, 'buckets');
    await mkdir(directory);
    const configureBuckets = [{ name: BUCKET }];
    const server = new S3rver({ address: '127.0.0.1', port: 0, silent: true, directory, configureBuckets });
    const { port } = await server.run();
    const side = new S3FarSide(await Proxy.to(port), folder, server);
    server.middleware.unshift(async (context, next) => {
      if (side.isFull && ['PUT', 'POST'].includes(context.method)) {
        context.status = 507;
        context.type = 'application/xml';
        context.body = FULL;
        return;
      }
      await next();
      // It escapes the keys of its listings twice, which would make them other keys.
      if (typeof context.body === 'string') context.body = context.body.replaceAll('&amp;', '&');
    });
    // What was put in front is looked at only from now on.
    server.httpServer.removeAllListeners('request').on('request', server.callback());
    return side;
  }

  private get accessKey(): string {
    return this.id.toUpperCase();
  }

  override access(): Access {
    return {
      options: {
        provider: 'Other',
        accessKeyId: this.accessKey,
        endpoint: `http://127.0.0.1:${this.cable.port}`,
        region: 'us-east-1',
        pathStyle: true,
      },
      secrets: { secretAccessKey: this.password },
      root: `/${BUCKET}`,
    };
  }

  override async tree(): Promise<Record<string, string | null>> {
    const files = await tree(path.join(this.folder, 'buckets', BUCKET));
    const objects = Object.entries(files).filter(([name]) => name.endsWith(OBJECT));
    return Object.fromEntries(objects.map(([name, hash]) => [name.slice(0, -OBJECT.length), hash]));
  }

  override async write(files: Record<string, string | Buffer>): Promise<void> {
    const from = path.join(this.folder, `given ${(await readdir(this.folder)).length}`);
    await write(from, files);
    await this.rclone(['copy', from, 'far:']);
  }

  override async changePassword(password: string): Promise<void> {
    this.password = password;
    account.DUMMY_ACCOUNT.createKeyPair(this.accessKey, password);
  }

  protected override async end(): Promise<void> {
    this.server.httpServer.closeAllConnections();
    await this.server.close();
  }
}
