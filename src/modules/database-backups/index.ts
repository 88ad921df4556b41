export { DatabaseBackups } from './database-backups.js';
export { DatabaseBackupsModule } from './database-backups.module.js';
