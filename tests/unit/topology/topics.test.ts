import { expect, test } from 'vitest';
import { avroSerdes, memoryRegistry } from 'gavel/schemas';
import { auctionTopology } from '../../../topology/index.ts';
import { OUTPUTS } from '../../../topology/outputs.ts';
import { auctionTopics } from '../../../topology/topics.ts';

const DAY = 24 * 3_600_000;

const serdes = avroSerdes(memoryRegistry());
const topics = auctionTopics(serdes);
const all = Object.values(topics);

test('the topics are those of the domain, with their retention', () => {
  expect(
    Object.fromEntries(
      all.map(({ name, partitions, config }) => [name, [partitions, config.cleanup, config.retentionMs]]),
    ),
  ).toEqual({
    'auction.users': [3, 'compact', 7 * DAY],
    'auction.items': [3, 'delete', 7 * DAY],
    'auction.pos': [3, 'delete', 7 * DAY],
    'auction.bids': [3, 'delete', -1],
    'auction.bids.validated': [3, 'delete', 7 * DAY],
    'auction.bids.flagged': [3, 'delete', 7 * DAY],
    'auction.bids.rejected': [3, 'delete', 7 * DAY],
    'auction.prices': [3, 'compact', 7 * DAY],
    'auction.transactions': [3, 'delete', 7 * DAY],
    'auction.bidders': [3, 'compact', 7 * DAY],
    'auction.alerts': [3, 'delete', 7 * DAY],
  });
  const stamped = all.filter(({ config }) => config.timestampType === 'append').map(({ name }) => name);
  expect(stamped).toEqual(['auction.bids']);
});

test('every topic has its place in the lake', () => {
  const places = Object.entries(topics).map(([name, topic]) => [
    topic.name,
    OUTPUTS[name as keyof typeof topics].bronze,
  ]);
  expect(places).toEqual(all.map(({ name }) => [name, `bronze/${name}`]));
});

test('only the log that decides feeds the judge, and only two steps write back to it', () => {
  const { subtopologies } = auctionTopology({ topics, serdes });
  const inputs = subtopologies.map((sub) => [
    sub.name,
    ...sub.inputs.map((input) => (input.kind === 'source' ? input.topic.name : input.name)).sort(),
  ]);
  expect(inputs).toEqual([
    ['listings', 'auction.items'],
    ['judge', 'auction.bids'],
    ['bidders', 'auction.users', 'bidder-events'],
    ['payments', 'auction.pos', 'settlements'],
  ]);
  const feedback = subtopologies.flatMap((sub) =>
    sub.outputs.filter((output) => output.kind === 'sink' && output.feedback),
  );
  expect(feedback.map(({ name }) => name)).toEqual(['listings', 'flags']);
  const stores = subtopologies.flatMap((sub) => [...sub.stores.keys()].map((store) => `${sub.name}/${store}`));
  expect(stores).toEqual([
    'judge/auctions',
    'judge/bid-history',
    'judge/auction-bids',
    'bidders/bidders',
    'bidders/bidder-sellers',
    'payments/payments',
  ]);
});
