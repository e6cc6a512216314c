/** The columns of each kind of file and how a line becomes the cells of a record. */

/** What a JSON value of a column may be; in CSV everything is text. */
export type CellType = 'text' | 'decimal' | 'number' | 'boolean';

export interface Column {
  readonly name: string;
  readonly type: CellType;
  readonly required: boolean;
}

/** The cells of a line in the order of the kind's columns; null where there is none. Valid until the next line. */
export type Cells = readonly (string | null)[];

/** Why a line is no record. */
export type FaultReason =
  | 'MALFORMED_LINE'
  | 'LINE_TOO_LONG'
  | 'MISSING_FIELD'
  | 'WRONG_TYPE'
  | 'BAD_AMOUNT'
  | 'BAD_TIME'
  | 'UNKNOWN_VALUE'
  | 'LISTING_REFUSED';

/** Thrown for a line that goes to the dead letters; no failure of the program. */
export class LineFault extends Error {
  readonly reason: FaultReason;

  constructor(reason: FaultReason, message: string) {
    super(message);
    this.name = 'LineFault';
    this.reason = reason;
  }
}

/** Where a reader puts what it finds, in the order of the lines. */
export interface LineSink {
  row(line: number, cells: Cells, bytes: Buffer): void;
  fault(line: number, fault: LineFault, bytes: Buffer): void;
  /** Something to tell the user; no line is affected. */
  warn(message: string): void;
}

/** Turns lines into cells. */
export interface LineReader {
  line(line: { readonly number: number; readonly bytes: Buffer; readonly cut: boolean }): void;
  /** After the last line. */
  end(): void;
}

function column(name: string, type: CellType = 'text'): Column {
  return { name, type, required: true };
}

function optional(name: string, type: CellType = 'text'): Column {
  return { name, type, required: false };
}

/** In the order that the record makers rely on. */
export const COLUMNS = {
  users: [
    column('user_id'),
    column('username'),
    optional('email'),
    column('rating', 'number'),
    column('is_verified', 'boolean'),
    optional('location'),
    column('registered_at'),
  ],
  items: [
    column('auction_id'),
    column('item_id'),
    column('seller_id'),
    column('title'),
    column('category'),
    column('currency'),
    column('start_price', 'decimal'),
    optional('reserve_price', 'decimal'),
    column('starts_at'),
    column('ends_at'),
    optional('channel'),
    optional('soft_close', 'boolean'),
  ],
  bids: [
    column('bid_id'),
    column('auction_id'),
    column('bidder_id'),
    column('amount', 'decimal'),
    column('bid_type'),
    column('placed_at'),
    optional('currency'),
    optional('device'),
  ],
  pos: [
    column('sale_id'),
    column('auction_id'),
    column('amount', 'decimal'),
    column('currency'),
    column('method'),
    column('paid_at'),
    optional('shipped_at'),
  ],
} as const satisfies Readonly<Record<string, readonly Column[]>>;

export type FileKind = keyof typeof COLUMNS;
