const NAME = /^steward_(\d{4})(\d{2})(\d{2})_(\d{2})(\d{2})(\d{2})\.sql\.gz$/;

/** By its moment in UTC, to the second (S0-46). */
export function backupName(at: Date): string {
  const [day, time] = at.toISOString().split('T');
  return `steward_${day!.replaceAll('-', '')}_${time!.slice(0, 8).replaceAll(':', '')}.sql.gz`;
}

/** Null for a name that no backup has. */
export function madeAt(name: string): Date | null {
  const match = NAME.exec(name);
  if (!match) return null;
  const [, year, month, day, hour, minute, second] = match;
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(at) ? null : new Date(at);
}
