/** `gavel bids explain`: why a bid was judged as it was. */

import { defineCommand } from '../command.ts';
import type { ExplainedBid, LogPlace } from '../explain.ts';
import { explainBid } from '../explain.ts';
import { openPlatform } from '../platform.ts';
import { formatPrice } from '../price.ts';
import { printJson } from '../print.ts';
import { EXIT } from '../world.ts';

export const bidsExplain = defineCommand({
  name: 'bids explain',
  summary: 'Tell the whole path of a bid: its place in the log, the rules, the signals, the verdict.',
  example: 'gavel bids explain b1-0000042',
  argument: { name: '<bidId>', summary: 'the bid' },
  settings: ['dataDir'],
  options: { auction: { flag: '--auction <auctionId>', summary: 'look only there, which is faster' } },
  async run({ world, settings, json, argument, options }) {
    await using platform = await openPlatform({ settings, command: 'gavel bids explain' });
    const bids = await explainBid(platform, argument, options.auction);
    if (bids.length === 0) {
      world.stderr.write(
        `there is no verdict on a bid ${argument}; one that waits would show as lag in \`gavel status\`\n`,
      );
      return EXIT.CHECK_FAILED;
    }
    for (const bid of bids) {
      if (json) printJson(world, bid);
      else world.stdout.write(textOf(bid));
    }
    return EXIT.OK;
  },
});

function textOf(bid: ExplainedBid): string {
  const { verdict, input, signals, flag } = bid;
  const { outcome, reason, currency, previousPrice, newPrice, leads, duplicateOf } = verdict;
  const price = (amount: number | null): string =>
    amount === null || currency === null ? '-' : formatPrice(amount, currency);
  const lines = [
    `bid      ${bid.bidId}, ${bid.bidType}, by ${bid.bidderId} in ${bid.auctionId}`,
    `input    ${placeOf(input)}, appended ${input.appendedAt}, placed ${bid.placedAt}`,
    `decided  at ${bid.decidedAt}`,
    ...bid.rules.map(({ rule, says, passed }) => `  ${markOf(passed)} ${rule.padEnd(16)} ${says}`),
    `verdict  ${outcome}${reason === null ? '' : ` ${reason}`}, at ${placeOf(verdict)}`,
    `price    ${price(previousPrice)} → ${price(newPrice)}, ${leads ? 'leads' : 'does not lead'}`,
    `score    ${shareOf(bid.score)} (weights ${bid.weightsVersion})${signalsOf(signals)}`,
  ];
  if (duplicateOf !== null) {
    lines.push(
      `first    ${duplicateOf.outcome}${duplicateOf.reason === null ? '' : ` ${duplicateOf.reason}`}, bid at offset ${duplicateOf.offset}`,
    );
  }
  if (flag !== null)
    lines.push(`flagged  later with ${shareOf(flag.score)} at ${placeOf(flag)}${signalsOf(flag.signals)}`);
  return `${lines.join('\n')}\n`;
}

function placeOf({ topic, partition, offset }: LogPlace): string {
  return `${topic}-${partition}@${offset}`;
}

function signalsOf(signals: ExplainedBid['signals']): string {
  return signals.map(({ signal, value }) => `, ${signal} ${shareOf(value)}`).join('');
}

/** Millionths as 0.70. */
function shareOf(millionths: number): string {
  return (millionths / 1_000_000).toFixed(2);
}

function markOf(passed: boolean | null): string {
  if (passed === null) return '·';
  return passed ? '✓' : '✗';
}
