import type { RoundResult } from './round.js';

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** One line per fault and one for all, as Markdown. */
export function table(results: readonly RoundResult[]): string {
  const faults = [...new Set(results.map(({ fault }) => fault))];
  const lines = faults.map((fault) =>
    row(
      fault.what,
      results.filter((one) => one.fault === fault),
    ),
  );
  return [
    '| fault | rounds | jobs | lost | wrong | stale writes accepted | stale writes refused | repeated side effects | seconds until all was well: median | longest |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...lines,
    row('**all**', results),
  ].join('\n');
}

function row(what: string, results: readonly RoundResult[]): string {
  const sum = (of: (result: RoundResult) => number): number =>
    results.reduce((total, result) => total + of(result), 0);
  const seconds = results.map((result) => result.seconds);
  const cells = [
    what,
    results.length,
    sum(({ jobs }) => jobs),
    sum(({ lost }) => lost),
    sum(({ wrong }) => wrong),
    sum(({ staleAccepted }) => staleAccepted),
    sum(({ staleRefused }) => staleRefused),
    sum(({ repeated }) => repeated),
    median(seconds).toFixed(1),
    Math.max(0, ...seconds).toFixed(1),
  ];
  return `| ${cells.join(' | ')} |`;
}
