import { get, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { until } from './until.js';

export interface ReceivedEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A client of an event stream that keeps what it received. */
export class TestEventSource {
  readonly events: ReceivedEvent[] = [];
  lastEventId: string | undefined;
  retry: number | undefined;
  comments = 0;
  ended = false;
  private text = '';

  private constructor(private readonly response: IncomingMessage) {
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => this.take(chunk));
    response.on('close', () => (this.ended = true));
    response.on('error', () => (this.ended = true));
  }

  /** Resolves with the stream once the status is 200, rejects with any other. */
  static open(url: string, headers: Readonly<Record<string, string>>): Promise<TestEventSource> {
    return new Promise((resolve, reject) => {
      get(url, { headers, agent: false }, (response) => {
        if (response.statusCode === 200) resolve(new TestEventSource(response));
        else reject(new Error(`status ${response.statusCode}`));
      }).on('error', reject);
    });
  }

  get headers(): IncomingHttpHeaders {
    return this.response.headers;
  }

  /** Resolves when so many events have come. */
  async received(count: number): Promise<readonly ReceivedEvent[]> {
    await until(() => this.events.length >= count, {
      describe: () => `${count} events, there are ${JSON.stringify(this.events)}`,
    });
    return this.events;
  }

  pause(): void {
    this.response.pause();
  }

  resume(): void {
    this.response.resume();
  }

  close(): void {
    this.response.destroy();
  }

  private take(chunk: string): void {
    const blocks = (this.text + chunk).split('\n\n');
    this.text = blocks.pop()!;
    for (const block of blocks) this.takeBlock(block);
  }

  private takeBlock(block: string): void {
    const fields = new Map(
      block.split('\n').map((line) => {
        const [, name, value] = /^([^:]*): ?(.*)$/.exec(line)!;
        return [name!, value!];
      }),
    );
    if (fields.has('')) this.comments += 1;
    if (fields.has('retry')) this.retry = Number(fields.get('retry'));
    if (fields.has('id')) this.lastEventId = fields.get('id');
    const data = fields.get('data');
    if (data === undefined) return;
    this.events.push({
      event: fields.get('event') ?? 'message',
      id: fields.get('id'),
      data: JSON.parse(data) as Record<string, unknown>,
    });
  }
}
