export {
  type ByteRange,
  FileMissingError,
  FileStore,
  type StoredFile,
  type WrittenFile,
} from './file-store.js';
export { StorageModule } from './storage.module.js';
