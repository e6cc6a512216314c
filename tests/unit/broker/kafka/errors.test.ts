/** Kafka's errors become ours. */

import { NetworkError, ResponseError, UserError } from '@platformatic/kafka';
import { describe, expect, it } from 'vitest';
import { isConnectionError, isPassing, kafkaError } from '../../../../broker/kafka/errors.ts';

/** An answer with these error codes. */
function answer(...codes: readonly number[]): Error {
  return new ResponseError(0, 9, Object.fromEntries(codes.map((code, i) => [`/${i}`, [code, null]])), {});
}

const [UNKNOWN_TOPIC, NOT_LEADER, TOO_LARGE, FENCED, GROUP_DENIED] = [3, 6, 10, 90, 30] as const;

describe('errors of Kafka', () => {
  it('have one of our codes', () => {
    expect(kafkaError(answer(UNKNOWN_TOPIC), 'x').code).toBe('TOPIC_UNKNOWN');
    expect(kafkaError(answer(FENCED), 'x').code).toBe('PRODUCER_FENCED');
    expect(kafkaError(answer(TOO_LARGE), 'produce')).toMatchObject({
      message: 'Kafka answered MESSAGE_TOO_LARGE to: produce',
      hint: expect.stringContaining('maxMessageBytes'),
    });
    expect(kafkaError(answer(GROUP_DENIED), 'x')).toMatchObject({
      code: 'BROKER_REFUSED',
      hint: expect.stringContaining('ACL'),
    });
  });

  it('pass only where all of them do, and tell of one that does not', () => {
    expect(isPassing(answer(NOT_LEADER))).toBe(true);
    expect(isPassing(answer(NOT_LEADER, UNKNOWN_TOPIC))).toBe(false);
    expect(kafkaError(answer(NOT_LEADER, UNKNOWN_TOPIC), 'x').code).toBe('TOPIC_UNKNOWN');
    expect(kafkaError(answer(NOT_LEADER), 'x')).toMatchObject({ code: 'BROKER_UNAVAILABLE', retry: 'backoff' });
  });

  it('of lost connections pass, of refused ones do not', () => {
    expect(isPassing(new NetworkError('Connection closed'))).toBe(true);
    const refused = new NetworkError('failed', { cause: new UserError('Broker requires TLS.') });
    expect([isConnectionError(refused), isPassing(refused)]).toEqual([false, false]);
    expect(kafkaError(refused, 'x')).toMatchObject({
      code: 'BROKER_REFUSED',
      message: expect.stringContaining('requires TLS'),
    });
    expect(isPassing(new Error('a bug'))).toBe(false);
  });
});
