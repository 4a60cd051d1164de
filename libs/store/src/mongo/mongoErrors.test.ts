import { describe, expect, test } from '@jest/globals';
import {
  MongoAPIError,
  MongoClientClosedError,
  MongoNetworkError,
  MongoServerError,
  MongoServerSelectionError,
} from 'mongodb';
import { VersionConflict } from '../errors.ts';
import { isDuplicate, mongoFailure } from './mongoErrors.ts';

const place = 'MongoDB db.example.com:27017/holdfast';
const server = (code: number, errorLabels: string[] = []) =>
  new MongoServerError({ message: 'mongodb://user:secretPassword@db', code, errorLabels });

describe('an error of MongoDB', () => {
  test.each([
    ['a broken connection', new MongoNetworkError('x')],
    ['no server within the time', new MongoServerSelectionError('x', {} as never)],
    ['a closed client', new MongoClientClosedError()],
    ['a primary that steps down', server(189)],
    ['a write that not enough nodes have confirmed', server(64)],
    ['an error the server calls retryable', server(424242, ['RetryableWriteError'])],
  ])('is transient: %s', (_title, error) => {
    expect(mongoFailure(place, error)).toMatchObject({ code: 'store-unavailable', errorClass: 'transient' });
  });

  test.each([
    ['a refused password', server(18), 'store-unreachable', 'configuration'],
    ['a missing right', server(13), 'store-unreachable', 'configuration'],
    ['a full disk', server(14031), 'store-full', 'transient'],
    ['a refused command', server(2), 'store-failed', 'ours'],
    ['a wrong call of the driver', new MongoAPIError('x'), 'store-failed', 'ours'],
    ['an error of something else', new RangeError('x'), 'store-failed', 'ours'],
  ])('is classified: %s', (_title, error, code, errorClass) => {
    const failure = mongoFailure(place, error);
    expect(failure).toMatchObject({ code, errorClass, cause: error, remedy: expect.any(String) });
    expect(failure.message).toContain(place);
    expect(`${failure.message} ${failure.remedy}`).not.toContain('secretPassword');
  });

  test('passes when it is ours already', () => {
    const conflict = new VersionConflict('jobs', 'a', 1);
    expect(mongoFailure(place, conflict)).toBe(conflict);
  });

  test('is a duplicate by its code, or by the words of FerretDB on SQLite', () => {
    const worded = "[update.go:114] constraint failed: UNIQUE constraint failed: index 'x' (2067)";
    expect(isDuplicate(server(11000))).toBe(true);
    expect(isDuplicate(new MongoServerError({ message: worded, code: 1 }))).toBe(true);
    expect(isDuplicate(server(1))).toBe(false);
    expect(isDuplicate(new Error('UNIQUE constraint failed'))).toBe(false);
  });
});
