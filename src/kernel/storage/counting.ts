import { createHash } from 'node:crypto';
import type { WrittenFile } from './file-store.js';

/** Passes bytes on and remembers how many they were, and their hash. */
export class Counting {
  private bytes = 0;
  private readonly hash = createHash('sha256');

  async *through(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      this.bytes += chunk.length;
      this.hash.update(chunk);
      yield chunk;
    }
  }

  /** To be asked once, at the end. */
  result(): WrittenFile {
    return { bytes: this.bytes, sha256: this.hash.digest('hex') };
  }
}
