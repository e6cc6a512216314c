/** Alerts for administrators. Their ids follow from their causes, so that a replay gives them again. */

import type { Alert, AlertKind, BidVerdict, FlagBid, InputPosition, Severity } from 'gavel/schemas';
import type { StreamRecord } from 'gavel/streams';

const SEVERITIES: Readonly<Record<AlertKind, Severity>> = {
  BID_FLAGGED: 'WARNING',
  SETTLEMENT_HELD: 'WARNING',
  LISTING_REFUSED: 'WARNING',
  CLOSE_IGNORED: 'INFO',
  PAYMENT_MISMATCH: 'CRITICAL',
};

export interface AlertCause {
  readonly auctionId: string;
  readonly bidderId?: string | null;
  readonly bidId?: string | null;
  readonly input: InputPosition;
  /** Record time of the cause. */
  readonly at: number;
}

/** @param message one sentence without any PROXY amount */
export function alertOf(kind: AlertKind, message: string, cause: AlertCause): Alert {
  const { auctionId, bidderId = null, bidId = null, input, at } = cause;
  return {
    type: 'Alert',
    alertId: `${kind}/${input.topic}/${input.partition}/${input.offset}`,
    kind,
    severity: SEVERITIES[kind],
    message,
    auctionId,
    bidderId,
    bidId,
    input,
    at,
  };
}

/** The alert of a bid that was flagged by its verdict or later. */
export function flagAlert(flagged: BidVerdict | FlagBid, at: number): Alert {
  const { auctionId, bidderId, bidId, input, signals, score } = flagged;
  const names = signals.map(({ signal }) => signal).join(', ');
  const message = `A bid was flagged with score ${(score / 1_000_000).toFixed(2)}: ${names}.`;
  return alertOf('BID_FLAGGED', message, { auctionId, bidderId, bidId, input, at });
}

/** Where a record stands. */
export function inputOf({ topic, partition, offset }: StreamRecord<unknown, unknown>): InputPosition {
  return { topic, partition, offset };
}
