import { type Readable, Transform, type TransformCallback } from 'node:stream';
import { OperationalError } from '../../../kernel/http/index.js';

/** A file that is shorter or longer than it was a moment ago. Whoever asks again gets it as it is then. */
export class LengthError extends OperationalError {
  constructor() {
    super('file_changed', 'The file changed while it was being read.', 1);
  }
}

export interface GateRules {
  /**
   * Fails unless exactly as many bytes go through. A file may have changed since its size was told to the client, and
   * what came after its Content-Length would be read as the next answer.
   */
  readonly exactly?: number | undefined;
  /** Fails with `tooMuch()` as soon as more bytes than this have come. */
  readonly atMost?: number;
  readonly tooMuch?: () => Error;
  /**
   * Fails with `idle()` when nothing goes through for this long, whichever side stands still: a client could otherwise
   * keep a connection to the storage for as long as it likes.
   */
  readonly idleMs: number;
  readonly idle: () => Error;
}

/** What the bytes of a file go through on their way between a client and its remote. */
export class Gate extends Transform {
  bytes = 0;
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly rules: GateRules) {
    super();
    this.timer = setTimeout(() => this.destroy(rules.idle()), rules.idleMs);
    this.timer.unref();
    this.once('close', () => clearTimeout(this.timer));
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.timer.refresh();
    this.bytes += chunk.length;
    const { exactly = Infinity, atMost = Infinity, tooMuch } = this.rules;
    if (this.bytes > exactly) done(new LengthError());
    else if (this.bytes > atMost) done(tooMuch?.() ?? new LengthError());
    else done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    const { exactly = this.bytes } = this.rules;
    done(this.bytes === exactly ? null : new LengthError());
  }
}

/** Resolves when the stream has something to read or has ended; throws what it failed with before that. */
export function begun(stream: Readable): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const leave = (): void =>
      void stream.off('readable', ready).off('end', ready).off('error', fail).off('close', closed);
    const ready = (): void => {
      leave();
      resolve();
    };
    const fail = (error: Error): void => {
      leave();
      reject(error);
    };
    const closed = (): void => fail(new LengthError());
    if (stream.errored) fail(stream.errored);
    else stream.on('readable', ready).on('end', ready).on('error', fail).on('close', closed);
  });
}
