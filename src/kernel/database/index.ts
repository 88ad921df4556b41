export { arrayLiteral } from './array-literal.js';
export { databaseNow } from './clock.repository.js';
export { ConnectionWatch } from './connection-watch.js';
export { Database, type DatabaseScope } from './database.js';
export { DatabaseDump } from './dump/database-dump.js';
export { Read, Tx } from './handles.js';
export { GroupCommit } from './group-commit.js';
export { idAfter, newId } from './id.js';
export { Installation } from './installation.js';
export { type Age, type Month, MonthsRepository, older, type RetainedTable } from './months.repository.js';
export { columnsOf } from './naming.js';
export { BEFORE_ALL, everyPage, everyRow, type Page, type PageRequest, toPage } from './page.js';
export {
  entities,
  execute,
  executeUnlimited,
  isUnreachable,
  query,
  queryOne,
  refusesData,
  refusesErasedOwner,
  violatedUnique,
  yieldedToOthers,
} from './sql.js';
