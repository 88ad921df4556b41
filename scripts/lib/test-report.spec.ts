import { expect, it } from 'vitest';
import { countResults, summaryLine } from './test-report.mjs';

const numbers = { numPassedTests: 3, numFailedTests: 1, numPendingTests: 2, numTodoTests: 1 };
const failedFile = { status: 'failed', assertionResults: [{ status: 'failed' }, { status: 'passed' }] };

it('counts tests, and todo tests as skipped', () => {
  const counts = countResults({ ...numbers, testResults: [failedFile] });
  expect(summaryLine(counts)).toBe('3 passed, 1 failed, 3 skipped');
});

it.each([
  ['that could not be loaded', []],
  ['whose hook failed', [{ status: 'skipped' }]],
])('counts a file %s as one failure', (_why, assertionResults) => {
  const testResults = [failedFile, { status: 'failed', assertionResults }];
  expect(countResults({ ...numbers, testResults }).failed).toBe(2);
});

it('counts a run without a report as a failure', () => {
  expect(countResults(undefined)).toEqual({ passed: 0, failed: 1, skipped: 0 });
});
