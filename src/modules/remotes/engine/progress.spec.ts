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
        transferring: fc.oneof(fc.anything(), fc.array(fc.record({ name: field, percentage: field }))),
      },
      { requiredKeys: [] },
    ),
    fc.anything(),
  );

  it('never decreases, stays in its bounds and is free of NaN, whatever the statistics', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(statistics, fc.oneof(fc.nat(100_000), fc.double()))), (polls) => {
        const meter = new ProgressMeter();
        let percent = 0;
        for (const [stats, atMs] of polls) {
          const progress = meter.update(stats, atMs);
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
