/** Which listings are taken, and the auction that one opens. Pure. */

import type { AuctionState, AuctionTerms, Item, Listing } from 'gavel/schemas';
import { AMOUNT_MAX, exponentOf } from './money.ts';

/** Why a listing cannot be taken at all, as a sentence, or undefined. */
export function listingFault(listing: Item | Listing): string | undefined {
  const { auctionId, sellerId, currency, startPrice, reservePrice, startsAt, endsAt } = listing;
  if (auctionId === '' || auctionId.includes('\0')) return 'the auctionId is empty or holds a NUL';
  if (sellerId === '') return 'the sellerId is empty';
  if (exponentOf(currency) === undefined) return `the currency "${currency}" is unknown`;
  if (!isPrice(startPrice)) return 'the start price is negative or too large';
  if (reservePrice !== null && !isPrice(reservePrice)) return 'the reserve price is negative or too large';
  if (endsAt <= startsAt) return 'the auction ends before it starts';
  return undefined;
}

function isPrice(amount: Listing['startPrice']): amount is number {
  return typeof amount === 'number' && amount >= 0 && amount <= AMOUNT_MAX;
}

/** The auction of a listing without a fault, as it stands at `time`. */
export function openAuction(listing: Listing, time: number): AuctionState {
  const terms = termsOf(listing);
  return {
    auctionId: listing.auctionId,
    terms,
    currency: listing.currency,
    status: terms.channel === 'LIVE' && time < terms.startsAt ? 'SCHEDULED' : 'OPEN',
    price: terms.startPrice,
    leader: null,
    highest: null,
    second: null,
    openMaximum: null,
    accepted: 0,
    rejected: 0,
    endsAt: terms.endsAt,
    winningBid: null,
    settlement: null,
    closedAt: null,
    bidders: [],
    factsFrom: null,
  };
}

/** What becomes of a listing whose auction is known already. */
export function relist(auction: AuctionState, listing: Listing): 'same' | 'changed' | 'too-late' {
  const { terms } = auction;
  if (terms === null || (auction.currency === listing.currency && sameTerms(terms, termsOf(listing)))) return 'same';
  return auction.accepted > 0 || auction.closedAt !== null ? 'too-late' : 'changed';
}

/** The auction under its changed listing: nobody leads yet, but refused bids and their bidders stay known. */
export function relistedAuction(auction: AuctionState, listing: Listing, time: number): AuctionState {
  return { ...openAuction(listing, time), rejected: auction.rejected, bidders: auction.bidders };
}

function termsOf(listing: Listing): AuctionTerms {
  return {
    itemId: listing.itemId,
    sellerId: listing.sellerId,
    title: listing.title,
    category: listing.category,
    startPrice: Number(listing.startPrice),
    reservePrice: listing.reservePrice === null ? null : Number(listing.reservePrice),
    startsAt: listing.startsAt,
    endsAt: listing.endsAt,
    channel: listing.channel,
    softClose: listing.softClose,
  };
}

function sameTerms(a: AuctionTerms, b: AuctionTerms): boolean {
  return (Object.keys(b) as (keyof AuctionTerms)[]).every((field) => a[field] === b[field]);
}
