/**
 * The result of `work`, or a rejection with the error of `tooLate` when it has none within `limitMs`. The work
 * itself goes on: its late result, or its late error, is nobody's any more.
 */
export async function within<T>(work: Promise<T>, limitMs: number, tooLate: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooLate()), limitMs);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
