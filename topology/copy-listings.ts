/** Copies each listing into the log that decides. Stateless: what depends on the auction so far is for the judge to say. */

import type { Alert, Item, Listing } from 'gavel/schemas';
import { port, processor, type Edge, type Processor, type ProcessorContext, type StreamRecord } from 'gavel/streams';
import { alertOf, inputOf } from './alerts.ts';
import type { PortTypes } from './judge-context.ts';
import { listingFault } from './listing.ts';

const listingPorts = { listings: port<string, Listing>(), alerts: port<string, Alert>() };

type ListingContext = ProcessorContext<PortTypes<typeof listingPorts>, { readonly [alias: string]: never }>;

/** The step in front of the judge. */
export function copyListings(items: Edge<string, Item>) {
  return processor({
    name: 'copy-listings',
    from: [items],
    ports: listingPorts,
    create: copier,
  });
}

/** Items that no auction can be made of go to the dead letters of their topic. */
function copier(context: ListingContext): Processor<string, Item> {
  return {
    process(record: StreamRecord<string, Item>): void {
      const { key, value: item, timestamp } = record;
      if (key === null) return context.deadLetter('NULL_KEY', 'an item needs its auctionId as its key');
      if (item === null) return context.deadLetter('NULL_VALUE', 'an item needs a value');
      const fault = item.auctionId === key ? listingFault(item) : 'the key is not the auctionId';
      if (fault === undefined) {
        // With its headers: a listing that the judge refuses can be traced to its file and line.
        context.forward('listings', key, { ...item, type: 'Listing' }, { headers: record.headers });
        return;
      }
      context.deadLetter('LISTING_REFUSED', fault);
      const cause = { auctionId: key, input: inputOf(record), at: timestamp };
      context.forward('alerts', key, alertOf('LISTING_REFUSED', `A listing was refused: ${fault}.`, cause));
    },
  };
}
