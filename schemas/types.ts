/** Generated from the .avsc files by generate-types.ts; do not edit. */
/* oxlint-disable max-lines */

/** Minor units of a currency, straight from outside: a bigint beyond the safe integers, so check before counting. */
export type Money = number | bigint;

/**
 * Tells the records of topics apart. Decoded ones have it on their prototype, where `{ ...record }` loses it; as an
 * accessor of a class TypeScript knows that.
 */
declare abstract class Typed<Name extends string> {
  get type(): Name;
}

export const ALERT_KIND_SYMBOLS = [
  'BID_FLAGGED',
  'SETTLEMENT_HELD',
  'LISTING_REFUSED',
  'CLOSE_IGNORED',
  'PAYMENT_MISMATCH',
] as const;
/** What was noticed. */
export type AlertKind = (typeof ALERT_KIND_SYMBOLS)[number];

export const SEVERITY_SYMBOLS = ['INFO', 'WARNING', 'CRITICAL'] as const;
/** How urgent an alert is. */
export type Severity = (typeof SEVERITY_SYMBOLS)[number];

/** Where an input record stands. */
export interface InputPosition {
  /** Topic. */
  readonly topic: string;
  /** Partition. */
  readonly partition: number;
  /** Offset. */
  readonly offset: number;
}

/** An anomaly for administrators. Topic auction.alerts. */
export interface Alert extends Typed<'Alert'> {
  /** Follows from its cause, so that a replay gives it again. */
  readonly alertId: string;
  /** What was noticed. */
  readonly kind: AlertKind;
  /** How urgent. */
  readonly severity: Severity;
  /** One sentence. */
  readonly message: string;
  /** The auction concerned; the record key. */
  readonly auctionId: string | null;
  /** The bidder concerned. */
  readonly bidderId: string | null;
  /** The bid concerned. */
  readonly bidId: string | null;
  /** The input record that caused it. */
  readonly input: InputPosition | null;
  /** Record time of the cause. */
  readonly at: number;
}

/** One fraud signal that fired. */
export interface Signal {
  /** Name as in the weights table, e.g. self-raise. */
  readonly signal: string;
  /** f of the signal in millionths, 1 to 1000000. */
  readonly value: number;
}

/** An accepted bid was flagged after its verdict. Topic auction.bids.flagged. */
export interface BidFlagged extends Typed<'BidFlagged'> {
  /** The bid. */
  readonly bidId: string;
  /** The auction; the record key. */
  readonly auctionId: string;
  /** The bidder. */
  readonly bidderId: string;
  /** Fraud score in millionths; above 500000 is flagged. */
  readonly score: number;
  /** The signals that fired. */
  readonly signals: readonly Signal[];
  /** Version of the weights table that gave the score. */
  readonly weightsVersion: number;
  /** Where the BidPlaced stands. */
  readonly input: InputPosition;
  /** Record time of the FlagBid. */
  readonly flaggedAt: number;
}

export const BID_TYPE_SYMBOLS = ['MANUAL', 'PROXY', 'SNIPE'] as const;
/** MANUAL and SNIPE amounts are bid openly, a PROXY amount is a maximum. */
export type BidType = (typeof BID_TYPE_SYMBOLS)[number];

/** A bid as it comes in, not yet judged. Topic auction.bids. */
export interface BidPlaced extends Typed<'BidPlaced'> {
  /** Unique per bidder and auction; the same again is a duplicate. */
  readonly bidId: string;
  /** The auction; the record key. */
  readonly auctionId: string;
  /** The bidder. */
  readonly bidderId: string;
  /** The amount in minor units: with PROXY a secret maximum. */
  readonly amount: Money;
  /** ISO 4217 code; null means the listing's. */
  readonly currency: string | null;
  /** How the amount is meant. */
  readonly bidType: BidType;
  /** When the bidder placed it. */
  readonly placedAt: number;
  /** Where it was placed, e.g. web or paper. */
  readonly device: string | null;
}

export const OUTCOME_SYMBOLS = ['ACCEPTED', 'REJECTED', 'DUPLICATE'] as const;
/** What became of a bid. */
export type Outcome = (typeof OUTCOME_SYMBOLS)[number];

export const REASON_SYMBOLS = [
  'UNKNOWN_AUCTION',
  'NOT_STARTED',
  'AUCTION_ENDED',
  'INVALID_TIME',
  'SELLER_BID',
  'INVALID_AMOUNT',
  'BELOW_START',
  'NOT_HIGHER',
  'TOO_LOW',
] as const;
/** The first rule that failed. */
export type Reason = (typeof REASON_SYMBOLS)[number];

/** What the first bid of this id was told. */
export interface FirstVerdict {
  /** Its outcome. */
  readonly outcome: Outcome;
  /** Its reason; null unless rejected. */
  readonly reason: Reason | null;
  /** Offset of its BidPlaced. */
  readonly offset: number;
}

/** The one answer to a BidPlaced. Topics auction.bids.validated, .flagged and .rejected. Never shows the amount, which may be a PROXY maximum. */
export interface BidVerdict extends Typed<'BidVerdict'> {
  /** The bid. */
  readonly bidId: string;
  /** The auction; the record key. */
  readonly auctionId: string;
  /** The bidder. */
  readonly bidderId: string;
  /** As placed. */
  readonly bidType: BidType;
  /** What became of it. */
  readonly outcome: Outcome;
  /** The first rule that failed; null unless rejected. */
  readonly reason: Reason | null;
  /** With DUPLICATE the verdict that stands; null otherwise. */
  readonly duplicateOf: FirstVerdict | null;
  /** The auction's ISO 4217 code; the bid's where the auction is unknown. */
  readonly currency: string | null;
  /** Public price before the bid, in minor units; null where the auction is unknown. */
  readonly previousPrice: number | null;
  /** Public price after the bid, in minor units; null where the auction is unknown. */
  readonly newPrice: number | null;
  /** Whether the bidder leads after it. */
  readonly leads: boolean;
  /** Fraud score in millionths; above 500000 is flagged. */
  readonly score: number;
  /** The signals that fired. */
  readonly signals: readonly Signal[];
  /** Version of the weights table that gave the score. */
  readonly weightsVersion: number;
  /** Where the BidPlaced stands. */
  readonly input: InputPosition;
  /** As placed. */
  readonly placedAt: number;
  /** The time that the rules used. */
  readonly decidedAt: number;
}

/** An accepted bid, sent to its bidder's history. Repartitioned by bidderId. */
export interface BidderBid extends Typed<'BidderBid'> {
  /** The bid. */
  readonly bidId: string;
  /** The auction. */
  readonly auctionId: string;
  /** The seller. */
  readonly sellerId: string;
  /** The bidder; the record key. */
  readonly bidderId: string;
  /** Category of the listing. */
  readonly category: string;
  /** ISO 4217 code; its exponent says what a minor unit is. */
  readonly currency: string;
  /** Where the BidPlaced stands. */
  readonly input: InputPosition;
  /** Fraud score in millionths; above 500000 is flagged. */
  readonly score: number;
  /** The signals that fired. */
  readonly signals: readonly Signal[];
  /** Public price after the bid, in minor units. */
  readonly price: number;
  /** The time that the rules used. */
  readonly decidedAt: number;
  /** Whether it is the bidder's first accepted bid in the auction. */
  readonly firstInAuction: boolean;
}

export const AUCTION_STATUS_SYMBOLS = ['SCHEDULED', 'OPEN', 'NO_BIDS', 'RESERVE_NOT_MET', 'CANCELLED', 'SOLD'] as const;
/** Where an auction stands. */
export type AuctionStatus = (typeof AUCTION_STATUS_SYMBOLS)[number];

/** The closing of an auction, sent to the history of each of its bidders. Repartitioned by bidderId. */
export interface BidderClosing extends Typed<'BidderClosing'> {
  /** The bidder; the record key. */
  readonly bidderId: string;
  /** The auction. */
  readonly auctionId: string;
  /** The seller. */
  readonly sellerId: string;
  /** How it closed. */
  readonly status: AuctionStatus;
  /** Whether this bidder bought. */
  readonly won: boolean;
  /** Accepted bids of this bidder in it. */
  readonly bids: number;
  /** Accepted bids of all bidders in it. */
  readonly auctionBids: number;
  /** When it closed. */
  readonly closedAt: number;
}

/** What a bidder did so far; the latest record is valid. Topic auction.bidders. */
export interface BidderProfile extends Typed<'BidderProfile'> {
  /** The bidder; the record key. */
  readonly bidderId: string;
  /** Accepted bids. */
  readonly bids: number;
  /** Auctions with an accepted bid. */
  readonly auctions: number;
  /** Those that have closed. */
  readonly closedAuctions: number;
  /** Those that were won. */
  readonly won: number;
  /** Bids that were flagged. */
  readonly flagged: number;
  /** Time of the first accepted bid. */
  readonly firstBidAt: number;
  /** Time of the latest accepted bid. */
  readonly lastBidAt: number;
  /** Rating of the user; null where not registered. */
  readonly rating: number | null;
  /** When the account was opened; null where not registered. */
  readonly registeredAt: number | null;
  /** Record time of the cause. */
  readonly updatedAt: number;
}

export const CLOSE_REASON_SYMBOLS = ['ENDED', 'CANCELLED'] as const;
/** ENDED closes a BATCH auction, CANCELLED either channel. */
export type CloseReason = (typeof CLOSE_REASON_SYMBOLS)[number];

/** Asks to close an auction at once. Topic auction.bids. */
export interface CloseAuction extends Typed<'CloseAuction'> {
  /** The auction; the record key. */
  readonly auctionId: string;
  /** Why. */
  readonly reason: CloseReason;
  /** The administrator; null for the loader. */
  readonly requestedBy: string | null;
}

/** What everybody may know about an auction; the latest record is valid. Topic auction.prices. */
export interface CurrentPrice extends Typed<'CurrentPrice'> {
  /** The auction; the record key. */
  readonly auctionId: string;
  /** ISO 4217 code; its exponent says what a minor unit is. */
  readonly currency: string;
  /** Public price in minor units. */
  readonly price: number;
  /** The leading bidder; null before the first bid. */
  readonly leader: string | null;
  /** Accepted bids. */
  readonly bids: number;
  /** The least next bid in minor units; null once closed. */
  readonly nextMinimum: number | null;
  /** End of bidding, moved by soft close. */
  readonly endsAt: number;
  /** Where the auction stands. */
  readonly status: AuctionStatus;
  /** Whether the reserve is met; true without one. */
  readonly reserveMet: boolean;
  /** Record time of the cause. */
  readonly updatedAt: number;
}

/** The bidder sub-topology found an accepted bid suspicious by its bidder's history. Topic auction.bids. */
export interface FlagBid extends Typed<'FlagBid'> {
  /** The bid. */
  readonly bidId: string;
  /** The auction; the record key. */
  readonly auctionId: string;
  /** The bidder. */
  readonly bidderId: string;
  /** Where its BidPlaced stands. */
  readonly input: InputPosition;
  /** Fraud score in millionths; above 500000 is flagged. */
  readonly score: number;
  /** The signals that fired. */
  readonly signals: readonly Signal[];
  /** Version of the weights table that gave the score. */
  readonly weightsVersion: number;
}

export const CHANNEL_SYMBOLS = ['LIVE', 'BATCH'] as const;
/** LIVE auctions are judged by append time and close by themselves, BATCH ones by placedAt and CloseAuction. */
export type Channel = (typeof CHANNEL_SYMBOLS)[number];

/** An item offered in an auction, as its seller lists it. Topic auction.items. */
export interface Item extends Typed<'Item'> {
  /** The auction; the record key. */
  readonly auctionId: string;
  /** The item. */
  readonly itemId: string;
  /** The seller. */
  readonly sellerId: string;
  /** Title. */
  readonly title: string;
  /** Free text; an unknown one takes the default fraud constants. */
  readonly category: string;
  /** ISO 4217 code; its exponent says what a minor unit is. */
  readonly currency: string;
  /** Lowest first bid, in minor units. */
  readonly startPrice: Money;
  /** Lowest price the seller takes, in minor units; null without a reserve. */
  readonly reservePrice: Money | null;
  /** First moment of bidding. */
  readonly startsAt: number;
  /** End of bidding, exclusive, as listed. */
  readonly endsAt: number;
  /** How the auction runs. */
  readonly channel: Channel;
  /** Whether late bids move the end. */
  readonly softClose: boolean;
}

/** The copy of an Item in the log that decides. Topic auction.bids. */
export interface Listing extends Typed<'Listing'> {
  /** The auction; the record key. */
  readonly auctionId: string;
  /** The item. */
  readonly itemId: string;
  /** The seller. */
  readonly sellerId: string;
  /** Title. */
  readonly title: string;
  /** Free text; an unknown one takes the default fraud constants. */
  readonly category: string;
  /** ISO 4217 code; its exponent says what a minor unit is. */
  readonly currency: string;
  /** Lowest first bid, in minor units. */
  readonly startPrice: Money;
  /** Lowest price the seller takes, in minor units; null without a reserve. */
  readonly reservePrice: Money | null;
  /** First moment of bidding. */
  readonly startsAt: number;
  /** End of bidding, exclusive, as listed. */
  readonly endsAt: number;
  /** How the auction runs. */
  readonly channel: Channel;
  /** Whether late bids move the end. */
  readonly softClose: boolean;
}

/** A point-of-sale event: payment, later shipping, of one auction. Topic auction.pos. */
export interface PosSale extends Typed<'PosSale'> {
  /** The sale at the device. */
  readonly saleId: string;
  /** The auction; the record key. */
  readonly auctionId: string;
  /** What was paid, in minor units. */
  readonly amount: Money;
  /** ISO 4217 code; its exponent says what a minor unit is. */
  readonly currency: string;
  /** Means of payment, e.g. card. */
  readonly method: string;
  /** When it was paid. */
  readonly paidAt: number;
  /** When it was shipped; null until then. */
  readonly shippedAt: number | null;
}

export const SETTLE_DECISION_SYMBOLS = ['RELEASE', 'VOID'] as const;
/** What an administrator decided about a held settlement. */
export type SettleDecision = (typeof SETTLE_DECISION_SYMBOLS)[number];

/** An administrator's decision on a held settlement. Topic auction.bids. */
export interface SettleHold extends Typed<'SettleHold'> {
  /** The auction; the record key. */
  readonly auctionId: string;
  /** Release or void. */
  readonly decision: SettleDecision;
  /** The administrator. */
  readonly requestedBy: string | null;
}

export const TRANSACTION_STATUS_SYMBOLS = ['HELD', 'PENDING', 'PAID', 'COMPLETED', 'VOIDED'] as const;
/** HELD waits for a SettleHold, PENDING for the payment, PAID for the shipping. */
export type TransactionStatus = (typeof TRANSACTION_STATUS_SYMBOLS)[number];

/** The settlement of a sold auction; the latest record is valid. Topic auction.transactions. */
export interface Transaction extends Typed<'Transaction'> {
  /** Follows from the auctionId. */
  readonly txnId: string;
  /** The auction; the record key. */
  readonly auctionId: string;
  /** The seller. */
  readonly sellerId: string;
  /** The winner. */
  readonly buyerId: string;
  /** ISO 4217 code; its exponent says what a minor unit is. */
  readonly currency: string;
  /** In minor units. */
  readonly finalPrice: number;
  /** In minor units, part of the final price, rounded half to even. */
  readonly platformFee: number;
  /** Where the settlement stands. */
  readonly status: TransactionStatus;
  /** When the auction closed. */
  readonly closedAt: number;
  /** The sale that paid it. */
  readonly saleId: string | null;
  /** When it was paid; null until then. */
  readonly paidAt: number | null;
  /** When it was shipped; null until then. */
  readonly shippedAt: number | null;
  /** What caused it: the winning bid, a FlagBid or SettleHold in auction.bids; the sale in auction.pos once paid. */
  readonly input: InputPosition;
  /** Record time of the cause. */
  readonly updatedAt: number;
}

/** A registered user; the latest record of a userId is valid. Topic auction.users. */
export interface User extends Typed<'User'> {
  /** The user; the record key. */
  readonly userId: string;
  /** Display name. */
  readonly username: string;
  /** Mail address. */
  readonly email: string | null;
  /** Feedback score; below 0 is suspicious. */
  readonly rating: number;
  /** Whether the identity was checked. */
  readonly isVerified: boolean;
  /** Where the user lives, free text. */
  readonly location: string | null;
  /** When the account was opened. */
  readonly registeredAt: number;
}

/** One of the last 50 bids of an auction. Store auction-bids. */
export interface AuctionBid {
  /** The bid. */
  readonly bidId: string;
  /** The bidder. */
  readonly bidderId: string;
  /** As placed. */
  readonly bidType: BidType;
  /** Its outcome. */
  readonly outcome: Outcome;
  /** Its reason; null unless rejected. */
  readonly reason: Reason | null;
  /** Public price after the bid, in minor units. */
  readonly price: number;
  /** Whether the bidder led after it. */
  readonly leads: boolean;
  /** Fraud score in millionths; above 500000 is flagged. */
  readonly score: number;
  /** Whether it is flagged, by its verdict or later. */
  readonly flagged: boolean;
  /** Offset of its BidPlaced. */
  readonly offset: number;
  /** As placed. */
  readonly placedAt: number;
  /** The time that the rules used. */
  readonly decidedAt: number;
}

/** What the listing fixed. */
export interface AuctionTerms {
  /** The item. */
  readonly itemId: string;
  /** The seller. */
  readonly sellerId: string;
  /** Title. */
  readonly title: string;
  /** Category. */
  readonly category: string;
  /** Minor units. */
  readonly startPrice: number;
  /** Minor units; null without a reserve. */
  readonly reservePrice: number | null;
  /** First moment of bidding. */
  readonly startsAt: number;
  /** End of bidding as listed, before soft close. */
  readonly endsAt: number;
  /** How the auction runs. */
  readonly channel: Channel;
  /** Whether late bids move the end. */
  readonly softClose: boolean;
}

/** The leader's latest accepted bid. */
export interface WinningBid {
  /** The bid. */
  readonly bidId: string;
  /** Offset of its BidPlaced. */
  readonly offset: number;
  /** Whether it is flagged. */
  readonly flagged: boolean;
}

/** One auction. Store auctions, key auctionId. Seven days after closing it shrinks to what a list shows: terms, maxima, winning bid and bidders are null. */
export interface AuctionState {
  /** The auction; the record key. */
  readonly auctionId: string;
  /** The listing; null once the row has shrunk. */
  readonly terms: AuctionTerms | null;
  /** ISO 4217 code; its exponent says what a minor unit is. */
  readonly currency: string;
  /** Where it stands. */
  readonly status: AuctionStatus;
  /** Public price in minor units. */
  readonly price: number;
  /** The leading bidder. */
  readonly leader: string | null;
  /** The leader's maximum in minor units, secret. */
  readonly highest: number | null;
  /** The second highest maximum of another bidder, in minor units. */
  readonly second: number | null;
  /** The highest amount bid openly by a bidder who led with it, in minor units. */
  readonly openMaximum: number | null;
  /** Accepted bids. */
  readonly accepted: number;
  /** Rejected bids. */
  readonly rejected: number;
  /** End of bidding, moved by soft close. */
  readonly endsAt: number;
  /** Null before the first accepted bid. */
  readonly winningBid: WinningBid | null;
  /** Where the settlement stands; null unless SOLD. */
  readonly settlement: TransactionStatus | null;
  /** When it closed; null while open. */
  readonly closedAt: number | null;
  /** Bidders with a row in bid-history while they are 16 at most, in order of arrival; null beyond. */
  readonly bidders: readonly string[] | null;
  /** Key in bid-history from which on bidders are still to be told of the closing; null when all are. */
  readonly factsFrom: string | null;
}

/** One bid that was no duplicate. */
export interface RecentBid {
  /** The bid. */
  readonly bidId: string;
  /** Its outcome. */
  readonly outcome: Outcome;
  /** Its reason; null unless rejected. */
  readonly reason: Reason | null;
  /** Offset of its BidPlaced. */
  readonly offset: number;
}

/** One bidder in one auction. Store bid-history. */
export interface BidHistory {
  /** Accepted bids. */
  readonly bids: number;
  /** Highest accepted amount in minor units, secret; 0 before the first. */
  readonly maximum: number;
  /** Rule time of the first accepted bid; 0 before it. */
  readonly firstAt: number;
  /** Rule time of the latest accepted bid; 0 before it. */
  readonly lastAt: number;
  /** How often the bidder raised the own maximum while leading. */
  readonly selfRaises: number;
  /** Rule times of the last 6 accepted bids, oldest first. */
  readonly lastTimes: readonly number[];
  /** The last 8 bids that were no duplicates, oldest first. */
  readonly recent: readonly RecentBid[];
  /** When the row goes because no closing will remove it: the auction is unknown or long closed; null otherwise. */
  readonly expiresAt: number | null;
}

/** One bidder with one seller. Store bidder-sellers, key bidderId and sellerId. */
export interface BidderSeller {
  /** Auctions of this seller with an accepted bid of this bidder. */
  readonly auctions: number;
  /** Those that were won. */
  readonly won: number;
}

/** One bidder over all auctions and what is known of the user. Store bidders, key bidderId. */
export interface BidderState {
  /** Accepted bids. */
  readonly bids: number;
  /** Auctions with an accepted bid. */
  readonly auctions: number;
  /** Those that have closed. */
  readonly closedAuctions: number;
  /** Those that were won. */
  readonly won: number;
  /** Closed ones in which at least 20 % of the bids were this bidder's. */
  readonly heavyAuctions: number;
  /** Those of them that were won. */
  readonly heavyWon: number;
  /** Bids that were flagged. */
  readonly flagged: number;
  /** Time of the first accepted bid; 0 before it. */
  readonly firstBidAt: number;
  /** Time of the latest accepted bid; 0 before it. */
  readonly lastBidAt: number;
  /** Rating of the user; null where not registered. */
  readonly rating: number | null;
  /** When the account was opened; null where not registered. */
  readonly registeredAt: number | null;
  /** Highest record time of its causes. */
  readonly updatedAt: number;
}

/** What is to be paid, as the judge settled it. */
export interface Settlement {
  /** The transaction. */
  readonly txnId: string;
  /** The seller. */
  readonly sellerId: string;
  /** The winner. */
  readonly buyerId: string;
  /** ISO 4217 code. */
  readonly currency: string;
  /** Minor units. */
  readonly finalPrice: number;
  /** Minor units. */
  readonly platformFee: number;
  /** HELD, PENDING or VOIDED. */
  readonly status: TransactionStatus;
  /** When the auction closed. */
  readonly closedAt: number;
}

/** The payment that a device told of. */
export interface Sale {
  /** The sale. */
  readonly saleId: string;
  /** Minor units. */
  readonly amount: number;
  /** ISO 4217 code. */
  readonly currency: string;
  /** When it was paid. */
  readonly paidAt: number;
  /** When it was shipped; null until then. */
  readonly shippedAt: number | null;
  /** Where its latest PosSale stands. */
  readonly input: InputPosition;
}

/** A settlement and its sale, whichever came first. Store payments, key auctionId. */
export interface PaymentState {
  /** Null before the closing. */
  readonly settlement: Settlement | null;
  /** Null before the payment. */
  readonly sale: Sale | null;
  /** Record time of the latest change; the row goes when it is long past. */
  readonly updatedAt: number;
}

/** The records of topics by name. */
export interface RecordTypes {
  readonly Alert: Alert;
  readonly BidFlagged: BidFlagged;
  readonly BidPlaced: BidPlaced;
  readonly BidVerdict: BidVerdict;
  readonly BidderBid: BidderBid;
  readonly BidderClosing: BidderClosing;
  readonly BidderProfile: BidderProfile;
  readonly CloseAuction: CloseAuction;
  readonly CurrentPrice: CurrentPrice;
  readonly FlagBid: FlagBid;
  readonly Item: Item;
  readonly Listing: Listing;
  readonly PosSale: PosSale;
  readonly SettleHold: SettleHold;
  readonly Transaction: Transaction;
  readonly User: User;
}

/** The rows of stores by name. */
export interface RowTypes {
  readonly AuctionBid: AuctionBid;
  readonly AuctionState: AuctionState;
  readonly BidHistory: BidHistory;
  readonly BidderSeller: BidderSeller;
  readonly BidderState: BidderState;
  readonly PaymentState: PaymentState;
}
