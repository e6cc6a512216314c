/** The market as it happens: listings and bids go to the topics when their time comes, no faster than the log takes them. */

import { bytesSerde, GavelError, serializeToBuffer, type Clock, type Topic } from 'gavel/streams';
import type { BidPlaced, CurrentPrice } from 'gavel/schemas';
import type { AuctionTopics } from '../topology/topics.ts';
import type { BidEvent, ListingEvent, MarketEvent, UserEvent } from './events.ts';
import { NO_FAULTS, type FaultShares } from './faults.ts';
import { simulate } from './market.ts';
import type { SeenPrice } from './price-model.ts';
import { MARKET_PROFILES } from './profile.ts';
import { seededRandom } from './random.ts';
import type { MarketRun } from './run-file.ts';

/** Appends records of a topic, each to its key's partition; answers when they are in the log. */
export interface RecordSender {
  send<K, V>(topic: Topic<K, V>, records: readonly { readonly key: K; readonly value: V }[]): Promise<unknown>;
}

export interface LiveMarketOptions {
  readonly seed: string;
  /** From `beginRun`. */
  readonly run: MarketRun;
  readonly topics: Pick<AuctionTopics, 'users' | 'items' | 'bids'>;
  readonly sender: RecordSender;
  readonly clock: Clock;
  /** Default 1,000. */
  readonly users?: number;
  /** Bids on average. Default 50. */
  readonly bidsPerSecond?: number;
  /** Stops by itself after so many ms. Default never. */
  readonly durationMs?: number;
  /** Share of auctions with shills. Default 0.03. */
  readonly shills?: number;
  /** Default none. */
  readonly faults?: Partial<FaultShares>;
}

export interface LiveMarketCounts {
  readonly users: number;
  readonly auctions: number;
  readonly bids: number;
  /** Bids that were not sent because the log took them so slowly that their auction was over. */
  readonly missed: number;
}

/** A listing comes this long before its auction starts, so that the log that decides knows it by then. */
const ANNOUNCE_MS = 500;
/** Due events are collected this long at least. */
const TICK_MS = 5;
/** Most events of one send; there is one send at a time. */
const BATCH_MAX = 2_000;

export class LiveMarket {
  /** Settles when the market has stopped; rejects with what stopped it. */
  readonly done: Promise<void>;
  readonly #options: LiveMarketOptions;
  readonly #events: Iterator<MarketEvent>;
  readonly #closesAt: number;
  readonly #seen = new Map<string, SeenPrice>();
  readonly #rawBids: Topic<string, Uint8Array>;
  readonly #counts = { users: 0, auctions: 0, bids: 0, missed: 0 };
  #next: MarketEvent | undefined;
  #stopping = false;
  #wake: () => void = () => undefined;

  private constructor(options: LiveMarketOptions) {
    const { seed, run, clock, users = 1000, bidsPerSecond = 50, shills = 0.03, durationMs = Infinity } = options;
    if (!(bidsPerSecond > 0)) {
      throw new GavelError('OPTION_INVALID', `${bidsPerSecond} bids a second are no market`, {
        hint: 'take a rate above 0',
      });
    }
    const opensAt = clock.now();
    const market = {
      seed,
      run: run.run,
      since: run.since,
      users,
      shills,
      opensAt,
      profile: MARKET_PROFILES.live,
      supply: { kind: 'endless', bidsPerSecond },
      announceMs: ANNOUNCE_MS,
      faults: { ...NO_FAULTS, ...options.faults },
      seen: (auctionId: string) => this.#seen.get(auctionId),
    } as const;
    this.#options = options;
    this.#closesAt = opensAt + durationMs;
    this.#rawBids = { ...options.topics.bids, value: bytesSerde };
    this.#events = simulate(market, seededRandom(`${seed}/${run.run}`))[Symbol.iterator]();
    this.#advance();
    this.done = this.#run();
  }

  /** Opens the market; it runs until it is stopped. @throws GavelError `OPTION_INVALID`. */
  static start(options: LiveMarketOptions): LiveMarket {
    return new LiveMarket(options);
  }

  get counts(): LiveMarketCounts {
    return { ...this.#counts };
  }

  /** Tells the bidders a public price, where others bid in their auctions. */
  observe({ auctionId, price, leader, status }: CurrentPrice): void {
    if (status === 'OPEN') this.#seen.set(auctionId, { price, leader });
    else this.#seen.delete(auctionId);
  }

  /** Sends nothing new; answers when what was sent is in the log. @throws what stopped the market. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake();
    await this.done;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const now = this.#options.clock.now();
      if (now >= this.#closesAt) return;
      const due = this.#takeDue(now);
      await (due.length === 0 ? this.#sleep(now) : this.#send(due));
    }
  }

  #takeDue(now: number): readonly MarketEvent[] {
    const due: MarketEvent[] = [];
    for (let taken = 0; taken < BATCH_MAX && this.#next !== undefined && this.#next.at <= now; taken++) {
      if (isMissed(this.#next, now)) this.#counts.missed++;
      else due.push(this.#next);
      this.#advance();
    }
    return due;
  }

  #advance(): void {
    const { value, done } = this.#events.next();
    this.#next = done === true ? undefined : value;
  }

  async #sleep(now: number): Promise<void> {
    const wakeAt = Math.min(this.#next?.at ?? Infinity, this.#closesAt);
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.setTimer(Math.max(TICK_MS, wakeAt - now), resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  async #send(due: readonly MarketEvent[]): Promise<void> {
    const { sender, topics } = this.#options;
    const users = due.filter((event): event is UserEvent => event.type === 'user');
    const listings = due.filter((event): event is ListingEvent => event.type === 'listing');
    const bids = due.filter((event): event is BidEvent => event.type === 'bid');
    const broken = bids.filter(({ fault }) => fault === 'malformed');
    const sound = broken.length === 0 ? bids : bids.filter(({ fault }) => fault !== 'malformed');
    const sends: Promise<unknown>[] = [];
    if (users.length > 0)
      sends.push(
        sender.send(
          topics.users,
          users.map(({ user }) => keyed(user.userId, user)),
        ),
      );
    if (listings.length > 0)
      sends.push(
        sender.send(
          topics.items,
          listings.map(({ item }) => keyed(item.auctionId, item)),
        ),
      );
    if (sound.length > 0)
      sends.push(
        sender.send(
          topics.bids,
          sound.map(({ bid }) => keyed(bid.auctionId, bid)),
        ),
      );
    if (broken.length > 0)
      sends.push(
        sender.send(
          this.#rawBids,
          broken.map(({ bid }) => this.#cutOff(bid)),
        ),
      );
    await Promise.all(sends);
    this.#counts.users += users.length;
    this.#counts.auctions += listings.length;
    this.#counts.bids += bids.length;
  }

  /** A bid whose bytes end in the middle. */
  #cutOff(bid: BidPlaced): { readonly key: string; readonly value: Uint8Array } {
    const bytes = serializeToBuffer(this.#options.topics.bids.value, bid);
    return keyed(bid.auctionId, bytes.subarray(0, bytes.length >> 1));
  }
}

function keyed<V>(key: string, value: V): { readonly key: string; readonly value: V } {
  return { key, value };
}

/** A bid that is late on purpose is not missed. */
function isMissed(event: MarketEvent, now: number): boolean {
  return event.type === 'bid' && event.at < event.period.endsAt && event.period.endsAt <= now;
}
