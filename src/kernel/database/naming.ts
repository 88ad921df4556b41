import { DefaultNamingStrategy, getMetadataArgsStorage } from 'typeorm';

/** camelCase properties, snake_case columns (S1-56). */
export class SnakeCaseNaming extends DefaultNamingStrategy {
  override columnName(propertyName: string, customName: string | undefined): string {
    return customName ?? propertyName.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  }
}

/**
 * All columns of an entity as a plain statement answers them: its rows are then what TypeORM would make of them, for a
 * tenth of the time that it takes to. Not for entities with transformers.
 */
export function columnsOf(entity: new () => object): string {
  const naming = new SnakeCaseNaming();
  const columns = getMetadataArgsStorage().filterColumns(entity);
  return columns
    .map(
      ({ propertyName, options: { name } }) =>
        `${naming.columnName(propertyName, name)} as "${propertyName}"`,
    )
    .join(', ');
}
