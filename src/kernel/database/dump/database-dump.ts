import { migrationNames } from '../migrate.js';
import { dump } from './dump.js';

/** Dumps of the database in use, which has the schema of this build. */
export class DatabaseDump {
  constructor(private readonly url: string) {}

  /** As `dump`. Tells each table with its rows. */
  async *bytes(
    signal: AbortSignal,
    onTable: (name: string, rows: number) => void,
  ): AsyncGenerator<Uint8Array> {
    const schema = (await migrationNames()).at(-1) ?? '';
    yield* dump({ url: this.url, schema, signal, onTable });
  }
}
