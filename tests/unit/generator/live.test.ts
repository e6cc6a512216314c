import { describe, expect, it } from 'vitest';
import { jsonSerde, type Clock, type Topic } from 'gavel/streams';
import type { BidPlaced, CurrentPrice, Item, User } from 'gavel/schemas';
import { LiveMarket, type LiveMarketOptions, type RecordSender } from '../../../generator/live.ts';
import { auctionTopics } from '../../../topology/topics.ts';

/** A clock that jumps to its next timer as soon as nothing else is to be done. */
class JumpingClock implements Clock {
  time = Date.UTC(2026, 0, 1);
  #timers: { readonly at: number; readonly callback: () => void }[] = [];

  now(): number {
    return this.time;
  }

  setTimer(delayMs: number, callback: () => void): { cancel(): void } {
    const timer = { at: this.time + delayMs, callback };
    this.#timers.push(timer);
    return { cancel: () => (this.#timers = this.#timers.filter((other) => other !== timer)) };
  }

  /** Fires timers until `durationMs` have passed. */
  async run(durationMs: number): Promise<void> {
    const until = this.time + durationMs;
    for (;;) {
      await new Promise((resolve) => void setImmediate(resolve));
      const next = this.#timers.toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > until) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.time = Math.max(this.time, next.at);
      next.callback();
    }
    this.time = until;
  }
}

interface Sent {
  readonly topic: string;
  readonly key: unknown;
  readonly value: unknown;
  readonly at: number;
}

class Log implements RecordSender {
  readonly sent: Sent[] = [];
  readonly clock: Clock;
  /** Holds sends back. */
  gate: Promise<void> = Promise.resolve();
  open = 0;
  openMax = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  async send<K, V>(topic: Topic<K, V>, records: readonly { readonly key: K; readonly value: V }[]): Promise<void> {
    this.openMax = Math.max(this.openMax, ++this.open);
    await this.gate;
    this.open--;
    for (const { key, value } of records) this.sent.push({ topic: topic.name, key, value, at: this.clock.now() });
  }

  of<V>(topic: string): readonly (Sent & { readonly value: V })[] {
    return this.sent.filter((sent) => sent.topic === topic) as never;
  }
}

const topics = auctionTopics({ serde: () => jsonSerde() });

function start(overrides: Partial<LiveMarketOptions> = {}): {
  readonly clock: JumpingClock;
  readonly log: Log;
  readonly market: LiveMarket;
} {
  const clock = new JumpingClock();
  const log = new Log(clock);
  const run = { run: 1, since: clock.now() };
  const market = LiveMarket.start({ seed: 'live', run, topics, sender: log, clock, users: 50, ...overrides });
  return { clock, log, market };
}

describe('LiveMarket', () => {
  it('sends users, then listings ahead of their bids, each when its time comes', async () => {
    const { clock, log, market } = start();
    await clock.run(60_000);
    await market.stop();
    expect(log.of<User>('auction.users')).toHaveLength(50);
    const listed = new Map(log.of<Item>('auction.items').map(({ value, at }) => [value.auctionId, at]));
    const bids = log.of<BidPlaced>('auction.bids');
    expect(bids.length).toBeGreaterThan(60 * 50 * 0.7);
    for (const { value, at, key } of bids) {
      expect(key).toBe(value.auctionId);
      expect(listed.get(value.auctionId)).toBeLessThan(at);
      expect(at - value.placedAt).toBeGreaterThanOrEqual(0);
      expect(at - value.placedAt).toBeLessThanOrEqual(5);
    }
    expect(market.counts).toMatchObject({ users: 50, auctions: listed.size, bids: bids.length });
    expect(market.counts.missed).toBeLessThan(10);
  });

  it('has its first bid within a second and auctions that end within 90 s, however slow it is', async () => {
    const { clock, log, market } = start({ bidsPerSecond: 0.1 });
    const opensAt = clock.now();
    await clock.run(1_000);
    expect(log.of('auction.bids')).toHaveLength(1);
    await market.stop();
    const endings = log.of<Item>('auction.items').map(({ value }) => value.endsAt);
    expect(Math.min(...endings) - opensAt).toBeLessThan(90_000);
  });

  it('stops after its duration', async () => {
    const { clock, log, market } = start({ durationMs: 10_000 });
    await clock.run(60_000);
    await market.done;
    expect(Math.max(...log.sent.map(({ at }) => at))).toBeLessThan(Date.UTC(2026, 0, 1) + 10_000);
  });

  it('waits for the log: one send at a time per topic, and stop waits for it', async () => {
    const { clock, log, market } = start({ bidsPerSecond: 500 });
    await clock.run(2_000);
    const release = Promise.withResolvers<void>();
    log.gate = release.promise;
    const before = log.sent.length;
    await clock.run(10_000);
    expect(log.sent).toHaveLength(before);
    expect(log.openMax).toBeLessThanOrEqual(3);
    let stopped = false;
    const stopping = market.stop().then(() => (stopped = true));
    await clock.run(100);
    expect(stopped).toBe(false);
    release.resolve();
    await stopping;
    expect(log.sent.length).toBeGreaterThan(before);
  });

  it('does not send bids of auctions that ended while the log was slow', async () => {
    const { clock, log, market } = start({ bidsPerSecond: 200 });
    await clock.run(2_000);
    const release = Promise.withResolvers<void>();
    log.gate = release.promise;
    await clock.run(120_000);
    release.resolve();
    await clock.run(1_000);
    await market.stop();
    expect(market.counts.missed).toBeGreaterThan(100);
    const ends = new Map(log.of<Item>('auction.items').map(({ value }) => [value.auctionId, value.endsAt]));
    const late = log
      .of<BidPlaced>('auction.bids')
      .filter(({ value, at }) => at > (ends.get(value.auctionId) as number));
    const heldBack = late.filter(({ value }) => value.placedAt < Date.UTC(2026, 0, 1) + 2_500);
    expect(late.length).toBe(heldBack.length);
  });

  it('bids against a price that others have made', async () => {
    const { clock, log, market } = start({ bidsPerSecond: 0.1 });
    await clock.run(1_000);
    const [first] = log.of<BidPlaced>('auction.bids');
    const auctionId = first?.value.auctionId as string;
    market.observe({ auctionId, price: 90_000_00, leader: 'stranger', status: 'OPEN' } as CurrentPrice);
    await clock.run(44_000);
    await market.stop();
    const later = log.of<BidPlaced>('auction.bids').filter(({ value }) => value.auctionId === auctionId);
    expect(later.length).toBeGreaterThan(10);
    expect(Math.max(...later.map(({ value }) => Number(value.amount)))).toBeGreaterThan(90_000_00);
  });

  it('sends malformed bids as bytes that end early', async () => {
    const { clock, log, market } = start({ faults: { malformed: 0.2 } });
    await clock.run(20_000);
    await market.stop();
    const broken = log.of('auction.bids').filter(({ value }) => value instanceof Uint8Array);
    expect(broken.length).toBeGreaterThan(50);
    for (const { value } of broken) {
      expect(() => JSON.parse(Buffer.from(value as Uint8Array).toString())).toThrow(/JSON/);
    }
  });

  it('gives no id of an earlier run again', async () => {
    const ids = async (run: number): Promise<readonly string[]> => {
      const { clock, log, market } = start({ run: { run, since: 0 } });
      await clock.run(5_000);
      await market.stop();
      return log.of<BidPlaced>('auction.bids').map(({ value }) => value.bidId);
    };
    const [first, second] = [await ids(1), await ids(2)];
    expect(new Set([...first, ...second]).size).toBe(first.length + second.length);
  });

  it('ends with the error of a send', async () => {
    const clock = new JumpingClock();
    const sender: RecordSender = { send: () => Promise.reject(new Error('disk full')) };
    const market = LiveMarket.start({ seed: 'x', run: { run: 1, since: 0 }, topics, sender, clock });
    await expect(market.done).rejects.toThrow('disk full');
    await expect(market.stop()).rejects.toThrow('disk full');
  });

  it('refuses a rate of 0', () => {
    expect(() => start({ bidsPerSecond: 0 })).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
  });
});
