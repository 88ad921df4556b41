import { describe, expect, it } from 'vitest';
import { OperationalError, UserError } from '../../kernel/http/index.js';
import { FileNotFound, TransferError } from './engine/transfer-engine.js';
import { transferProblem } from './transfer-problem.js';

describe('whose fault an error of the engine is', () => {
  it.each([
    [new TransferError('unavailable', 'x'), OperationalError, 503, 'rclone_unavailable'],
    [new TransferError('temporary', 'x'), OperationalError, 503, 'transfer_temporary'],
    [new TransferError('partial', 'x', { retryable: true }), OperationalError, 503, 'transfer_partial'],
    [new TransferError('partial', 'x'), UserError, 422, 'transfer_partial'],
    [new TransferError('fatal', 'x'), UserError, 422, 'transfer_fatal'],
    [new TransferError('overlap', 'x'), UserError, 422, 'transfer_overlap'],
    [new TransferError('permission', 'x'), UserError, 403, 'transfer_permission'],
    [new TransferError('not_found', 'x'), UserError, 404, 'transfer_not_found'],
    [new FileNotFound('x'), UserError, 404, 'file_not_found'],
  ])('%o', (error, type, status, code) => {
    const problem = transferProblem(error);
    expect(problem).toBeInstanceOf(type);
    expect(problem).toMatchObject({ status, code, message: 'x' });
  });

  it('leaves a bug as it is', () => {
    const bug = new TypeError('oops');
    expect(transferProblem(bug)).toBe(bug);
  });
});
