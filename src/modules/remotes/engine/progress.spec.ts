import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProgressMeter, currentFiles } from './progress.js';

const MiB = 1024 * 1024;

describe('ProgressMeter', () => {
  it('is indeterminate at 0 while only comparing', () => {
    const meter = new ProgressMeter();
    expect(
      meter.update({ checks: 999, totalChecks: 1000, totalTransfers: 1, totalBytes: 5 }, 0),
    ).toMatchObject({
      percent: 0,
      phase: 'listing',
      indeterminate: true,
      secondsLeft: null,
    });
  });

  it('follows the bytes of one large file', () => {
    const meter = new ProgressMeter();
    const at = (bytes: number, ms: number) =>
      meter.update(
        { bytes, totalBytes: 100 * MiB, totalTransfers: 1, transferring: [{ name: 'x', percentage: 1 }] },
        ms,
      );
    at(0, 0);
    expect(at(50 * MiB, 1000)).toMatchObject({
      percent: 49,
      phase: 'transferring',
      bytesPerSecond: 50 * MiB,
    });
    expect(at(100 * MiB, 2000)).toMatchObject({ percent: 99, secondsLeft: 0 });
    expect(meter.succeeded()).toMatchObject({ percent: 100, phase: 'finishing', current: [] });
  });

  it('does not go back when a failed file takes its bytes away', () => {
    const meter = new ProgressMeter();
    meter.update({ bytes: 80, totalBytes: 100, transfers: 0, totalTransfers: 0 }, 0);
    expect(meter.update({ bytes: 20, totalBytes: 100 }, 500)).toMatchObject({ percent: 80, bytes: 20 });
  });

  it('counts bytes that the remote copied by itself', () => {
    const meter = new ProgressMeter();
    const stats = { bytes: 0, totalBytes: 50, serverSideCopyBytes: 50, transfers: 1, totalTransfers: 1 };
    expect(meter.update(stats, 0)).toMatchObject({ bytes: 50, totalBytes: 100 });
  });

  it('does not let the time before the first byte lower the speed', () => {
    const meter = new ProgressMeter();
    meter.update({}, 0);
    meter.update({}, 60_000);
    expect(meter.update({ bytes: MiB, totalBytes: 2 * MiB }, 61_000)).toMatchObject({
      bytesPerSecond: MiB,
      secondsLeft: 1,
    });
  });

  it('gives no estimate without speed', () => {
    const meter = new ProgressMeter();
    expect(meter.update({ bytes: 1, totalBytes: 100 }, 0).secondsLeft).toBeNull();
  });

  it('has room for what is deleted after the copying', () => {
    const meter = new ProgressMeter();
    const copied = { bytes: 10, totalBytes: 10, transfers: 1, totalTransfers: 1 };
    expect(meter.update({ ...copied, checks: 0 }, 0, 9)).toMatchObject({
      phase: 'transferring',
      percent: 10,
    });
    expect(meter.update({ ...copied, checks: 5, totalChecks: 5, deletes: 5 }, 500, 9)).toMatchObject({
      phase: 'deleting',
      percent: 60,
    });
    expect(meter.update({ ...copied, checks: 9, totalChecks: 9, deletes: 9 }, 900, 9).phase).toBe(
      'finishing',
    );
    const only = new ProgressMeter();
    expect(only.update({ checks: 1, totalChecks: 1, deletes: 1 }, 0, 2)).toMatchObject({
      indeterminate: false,
    });
  });

  it('counts files where no bytes move, and says so when nobody knows how many', () => {
    const meter = new ProgressMeter();
    expect(meter.counted('deleting', 0, null)).toMatchObject({ percent: 0, indeterminate: true });
    expect(meter.counted('deleting', 5, 10)).toMatchObject({ percent: 50, indeterminate: false, files: 5 });
    expect(meter.counted('deleting', 12, 10)).toMatchObject({ percent: 99, files: 10, totalFiles: 10 });
    expect(meter.counted('planning', 0, 0)).toMatchObject({ percent: 99, indeterminate: true });
  });

  it('keeps each step in its part of the whole', () => {
    const meter = new ProgressMeter();
    meter.step({ from: 0, to: 70 });
    const done = { bytes: 10, totalBytes: 10, transfers: 3, totalTransfers: 3 };
    expect(meter.update(done, 0).percent).toBe(70);
    meter.step({ from: 70, to: 100 });
    expect(meter.counted('verifying', 0, 2)).toMatchObject({
      percent: 70,
      phase: 'verifying',
      bytes: 10,
      files: 3,
    });
    expect(meter.counted('verifying', 1, 2).percent).toBe(85);
    expect(meter.succeeded()).toMatchObject({ percent: 100, bytes: 10 });
  });

  const field = fc.oneof(
    fc.nat(),
    fc.double(),
    fc.constantFrom(null, undefined, '7', NaN, Infinity, -1, Number.MAX_VALUE, {}, []),
  );
  const statistics = fc.oneof(
    fc.record(
      {
        bytes: field,
        totalBytes: field,
        transfers: field,
        totalTransfers: field,
        checks: field,
        totalChecks: field,
        serverSideCopyBytes: field,
        serverSideMoveBytes: field,
        deletes: field,
        transferring: fc.oneof(fc.anything(), fc.array(fc.record({ name: field, percentage: field }))),
      },
      { requiredKeys: [] },
    ),
    fc.anything(),
  );

  const share = fc
    .tuple(fc.nat(100), fc.nat(100))
    .map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
  const poll = fc.record({
    stats: statistics,
    atMs: fc.oneof(fc.nat(100_000), fc.double()),
    deletes: fc.nat(50),
    counted: fc.option(fc.tuple(fc.nat(), fc.option(fc.nat()))),
    share: fc.option(share, { freq: 5 }),
  });

  it('never decreases, stays in its bounds and is free of NaN, whatever the statistics and steps', () => {
    fc.assert(
      fc.property(fc.array(poll), (polls) => {
        const meter = new ProgressMeter();
        let percent = 0;
        for (const { stats, atMs, deletes, counted, share: part } of polls) {
          if (part !== null) meter.step(part);
          const progress =
            counted === null
              ? meter.update(stats, atMs, deletes)
              : meter.counted('deleting', counted[0], counted[1]);
          expect(progress.percent).toBeGreaterThanOrEqual(percent);
          expect(progress.percent).toBeLessThanOrEqual(99);
          percent = progress.percent;
          const { bytes, totalBytes, files, totalFiles, bytesPerSecond, secondsLeft } = progress;
          for (const number of [
            percent,
            bytes,
            totalBytes,
            files,
            totalFiles,
            bytesPerSecond,
            secondsLeft ?? 0,
          ]) {
            expect(Number.isFinite(number) && number >= 0).toBe(true);
          }
          expect(Number.isInteger(percent)).toBe(true);
          expect(totalBytes).toBeGreaterThanOrEqual(bytes);
          expect(totalFiles).toBeGreaterThanOrEqual(files);
          for (const file of progress.current) expect(file.percent).toBeLessThanOrEqual(100);
        }
        expect(meter.succeeded().percent).toBe(100);
      }),
      { numRuns: 500 },
    );
  });
});

describe('currentFiles', () => {
  it('takes what it can read', () => {
    expect(currentFiles([{ name: 'a', percentage: 12.7 }, { name: 3 }, null, { name: 'b' }])).toEqual([
      { name: 'a', percent: 12 },
      { name: 'b', percent: 0 },
    ]);
    expect(currentFiles(undefined)).toEqual([]);
  });
});
