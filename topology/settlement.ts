/** What a sold auction owes, and how a hold ends. Pure. */

import type {
  AuctionState,
  InputPosition,
  PaymentState,
  SettleDecision,
  Transaction,
  TransactionStatus,
} from 'gavel/schemas';

import { DAY_MS } from './closing.ts';

/** 10 %. */
export const PLATFORM_FEE_MILLIONTHS = 100_000;

/** The part of a price that the platform keeps, rounded half to even. */
export function platformFee(price: number, feeMillionths: number): number {
  const product = BigInt(price) * BigInt(feeMillionths);
  const whole = product / 1_000_000n;
  const twiceRest = (product % 1_000_000n) * 2n;
  const up = twiceRest > 1_000_000n || (twiceRest === 1_000_000n && whole % 2n === 1n);
  return Number(up ? whole + 1n : whole);
}

export interface SettlementCause {
  readonly input: InputPosition;
  /** Record time of the cause. */
  readonly time: number;
  readonly feeMillionths: number;
}

/** The transaction of a sold auction whose row still knows its terms. Payment and shipping are told by `payments`. */
export function transactionOf(auction: AuctionState, { input, time, feeMillionths }: SettlementCause): Transaction {
  return {
    type: 'Transaction',
    txnId: `txn-${auction.auctionId}`,
    auctionId: auction.auctionId,
    sellerId: auction.terms?.sellerId as string,
    buyerId: auction.leader as string,
    currency: auction.currency,
    finalPrice: auction.price,
    platformFee: platformFee(auction.price, feeMillionths),
    status: auction.settlement as TransactionStatus,
    closedAt: auction.closedAt as number,
    saleId: null,
    paidAt: null,
    shippedAt: null,
    input,
    updatedAt: time,
  };
}

/** What an administrator's decision makes of a held settlement. */
export function decided(decision: SettleDecision): TransactionStatus {
  return decision === 'RELEASE' ? 'PENDING' : 'VOIDED';
}

/** When a payment has been at rest for so long that its row goes. */
export function paymentDueAt({ updatedAt }: PaymentState, keepClosedDays: number): number {
  return updatedAt + keepClosedDays * DAY_MS;
}
