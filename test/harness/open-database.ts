import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../src/kernel/database/data-source.js';
import { Database } from '../../src/kernel/database/index.js';

export interface OpenDatabase {
  readonly database: Database;
  close(): Promise<void>;
}

/** The door to a test's database without an application around it. No entities: for statements only. */
export async function openDatabase(url: string, poolSize = 10): Promise<OpenDatabase> {
  const source = await new DataSource(dataSourceOptions(url, poolSize)).initialize();
  return { database: new Database(source), close: () => source.destroy() };
}
