import { mkdir, stat, statfs } from 'node:fs/promises';
import { UserError } from '../../kernel/http/index.js';
import { LocalRootError, checkLocalRoot } from './local-root.js';
import type { UsageView } from './remotes.schema.js';

/**
 * Makes sure that `root` is a folder a local remote may have, creating it when it does not exist, and returns its
 * plain form. Throws `UserError` (400 at `/root`) saying what is wrong with it.
 */
export async function prepareLocalRoot(root: string, allowedRoots: readonly string[]): Promise<string> {
  const plain = await allowed(root, allowedRoots);
  try {
    await mkdir(plain, { recursive: true });
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || code === 'ENOTDIR')
      throw UserError.field('/root', 'not_a_folder', 'is not a folder or lies below a file');
    throw UserError.field('/root', 'cannot_be_made', `cannot be made (${code})`);
  }
  if (!(await stat(plain)).isDirectory()) throw UserError.field('/root', 'not_a_folder', 'is not a folder');
  // Once more, for a link made between the check and the folder.
  return allowed(plain, allowedRoots);
}

/** Space of the file system that `root` is on, in bytes. Throws `LocalRootError`, or the system's error. */
export async function localUsage(root: string, allowedRoots: readonly string[]): Promise<UsageView> {
  const { bsize, blocks, bfree, bavail } = await statfs(await checkLocalRoot(root, allowedRoots));
  return { total: bsize * blocks, used: bsize * (blocks - bfree), free: bsize * bavail };
}

async function allowed(root: string, allowedRoots: readonly string[]): Promise<string> {
  try {
    return await checkLocalRoot(root, allowedRoots);
  } catch (error) {
    if (!(error instanceof LocalRootError)) throw error;
    const where = error.reason === 'outside' ? ` It must lie in: ${allowedRoots.join(', ')}.` : '';
    throw new UserError(400, 'validation_failed', `/root: ${error.message}${where}`, [
      { pointer: '/root', code: error.reason, detail: `${error.message}${where}` },
    ]);
  }
}
