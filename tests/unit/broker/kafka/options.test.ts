/** Addresses of brokers. */

import { expect, it } from 'vitest';
import { parseServers } from '../../../../broker/kafka/options.ts';

it('reads addresses', () => {
  expect(parseServers('a:9092, b.example:1,[::1]:65535')).toEqual([
    { host: 'a', port: 9092 },
    { host: 'b.example', port: 1 },
    { host: '::1', port: 65_535 },
  ]);
  expect(parseServers(['a:1', 'b:2'])).toHaveLength(2);
});

it.each(['', ' , ', 'a', 'a:', 'a:0', 'a:65536', ':9092', 'http://a:9092', '::1:9092'])('refuses "%s"', (servers) => {
  expect(() => parseServers(servers)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
});
