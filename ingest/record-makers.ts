/** Makes the records of the topics out of cells. */

import { GavelError } from 'gavel/streams';
import {
  BID_TYPE_SYMBOLS,
  CHANNEL_SYMBOLS,
  type BidPlaced,
  type Item,
  type Money,
  type PosSale,
  type User,
} from 'gavel/schemas';
import { listingFault } from '../topology/listing.ts';
import { exponentOf, parseMoney } from '../topology/money.ts';
import { COLUMNS, LineFault, type Cells, type FileKind } from './columns.ts';

/** Bids of an auction that nobody knows are refused anyway; their amounts are read with two decimals. */
const CURRENCY_OF_UNKNOWN = 'USD';

const TIME = /^\d{4}-\d\d-(\d\d)T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/;

/** @throws LineFault */
export function makeUser(cells: Cells): User {
  const row = new Row('users', cells);
  return {
    type: 'User',
    userId: row.text(0),
    username: row.text(1),
    email: row.optionalText(2),
    rating: numberOf(row.text(3)),
    isVerified: booleanOf(row.text(4)),
    location: row.optionalText(5),
    registeredAt: timeOf(row.text(6)),
  };
}

/** @throws LineFault */
export function makeItem(cells: Cells): Item {
  const row = new Row('items', cells);
  const currency = row.text(5);
  const reservePrice = row.optionalText(7);
  const item: Item = {
    type: 'Item',
    auctionId: row.text(0),
    itemId: row.text(1),
    sellerId: row.text(2),
    title: row.text(3),
    category: row.text(4),
    currency,
    startPrice: amountOf(row.text(6), currency),
    reservePrice: reservePrice === null ? null : amountOf(reservePrice, currency),
    startsAt: timeOf(row.text(8)),
    endsAt: timeOf(row.text(9)),
    channel: oneOf(CHANNEL_SYMBOLS, row.optionalText(10) ?? 'BATCH'),
    softClose: booleanOf(row.optionalText(11) ?? 'false'),
  };
  const fault = listingFault(item);
  if (fault !== undefined) throw new LineFault('LISTING_REFUSED', fault);
  return item;
}

/**
 * @param currencyOf the currency of an auction's listing, where it is known
 * @throws LineFault
 */
export function makeBid(cells: Cells, currencyOf: (auctionId: string) => string | undefined): BidPlaced {
  const row = new Row('bids', cells);
  const auctionId = row.text(1);
  const currency = row.optionalText(6);
  return {
    type: 'BidPlaced',
    bidId: row.text(0),
    auctionId,
    bidderId: row.text(2),
    amount: amountOf(row.text(3), currency ?? currencyOf(auctionId) ?? CURRENCY_OF_UNKNOWN),
    currency,
    bidType: oneOf(BID_TYPE_SYMBOLS, row.text(4)),
    placedAt: timeOf(row.text(5)),
    device: row.optionalText(7),
  };
}

/** @throws LineFault */
export function makePosSale(cells: Cells): PosSale {
  const row = new Row('pos', cells);
  const currency = row.text(3);
  const shippedAt = row.optionalText(6);
  return {
    type: 'PosSale',
    saleId: row.text(0),
    auctionId: row.text(1),
    amount: amountOf(row.text(2), currency),
    currency,
    method: row.text(4),
    paidAt: timeOf(row.text(5)),
    shippedAt: shippedAt === null ? null : timeOf(shippedAt),
  };
}

/** The cells of one line by their columns. */
class Row {
  readonly #kind: FileKind;
  readonly #cells: Cells;

  constructor(kind: FileKind, cells: Cells) {
    this.#kind = kind;
    this.#cells = cells;
  }

  text(column: number): string {
    const cell = this.#cells[column] ?? null;
    if (cell !== null) return cell;
    throw new LineFault('MISSING_FIELD', `${COLUMNS[this.#kind][column]?.name} is missing`);
  }

  optionalText(column: number): string | null {
    return this.#cells[column] ?? null;
  }
}

function amountOf(text: string, currency: string): Money {
  if (exponentOf(currency) === undefined) {
    throw new LineFault('UNKNOWN_VALUE', `the currency "${currency}" is unknown`);
  }
  try {
    return parseMoney(text, currency);
  } catch (error) {
    if (error instanceof GavelError) throw new LineFault('BAD_AMOUNT', error.message);
    throw error;
  }
}

/** A time with its zone, in milliseconds; digits beyond are cut off. */
function timeOf(text: string): number {
  const day = TIME.exec(text)?.[1];
  const time = day === undefined ? Number.NaN : Date.parse(text);
  // Date.parse takes the 30th of February for the 2nd of March, and 24 o'clock for the next day.
  if (Number.isNaN(time) || text.startsWith('T24', 10) || !isDayOfMonth(text, Number(day))) {
    throw new LineFault('BAD_TIME', `"${text}" is no time: write it as 2026-01-31T12:00:00.000Z`);
  }
  return time;
}

function isDayOfMonth(text: string, day: number): boolean {
  if (day <= 28) return day >= 1;
  const [year, month] = [Number(text.slice(0, 4)), Number(text.slice(5, 7))];
  return day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

function numberOf(text: string): number {
  if (/^-?\d+(?:\.\d+)?$/.test(text)) return Number(text);
  throw new LineFault('WRONG_TYPE', `"${text}" is no number`);
}

function booleanOf(text: string): boolean {
  const lower = text.toLowerCase();
  if (lower === 'true' || lower === 'false') return lower === 'true';
  throw new LineFault('WRONG_TYPE', `"${text}" is neither true nor false`);
}

function oneOf<T extends string>(symbols: readonly T[], text: string): T {
  const symbol = symbols.find((candidate) => candidate === text);
  if (symbol !== undefined) return symbol;
  throw new LineFault('UNKNOWN_VALUE', `"${text}" is none of ${symbols.join(', ')}`);
}
