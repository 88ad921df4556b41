import type { DataSource } from 'typeorm';

/**
 * Names this installation among others that use the same Redis: keys and channels begin with it, so that no
 * process ever takes another installation's messages. The database's own name is part of it, because a copy of a
 * database keeps the id.
 */
export class Installation {
  constructor(readonly name: string) {}

  static async read(dataSource: DataSource): Promise<Installation> {
    const rows: { name: string }[] = await dataSource.query(
      `select left(id::text, 8) || '-' || md5(current_database()) as name from installation`,
    );
    const [row] = rows;
    if (!row) throw new Error('the table installation is empty; the database was not migrated');
    return new Installation(`steward-${row.name.slice(0, 17)}`);
  }
}
