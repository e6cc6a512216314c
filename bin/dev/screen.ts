/** The live view as lines of text: a whole screen for a terminal, or one line for a log. */

import type { Colors } from '../print.ts';
import { formatBytes } from '../print.ts';
import { formatPrice } from '../price.ts';
import type { MarketView, Percentiles, ShownVerdict } from './market-view.ts';

/** What the screen shows beside the market. */
export interface Surroundings {
  readonly now: number;
  readonly startedAt: number;
  readonly dataDir: string;
  readonly dataBytes: number;
  readonly address: string;
  /** Records of the deciding log that are not judged yet. */
  readonly lag: number;
  /** The last thing that a person should know; undefined where all is well. */
  readonly warning: string | undefined;
}

const SOONEST = 6;

export function screenLines(view: MarketView, around: Surroundings, colors: Colors): readonly string[] {
  const { bold, dim } = colors;
  const heading = (text: string): string => bold(text);
  return [
    `${bold('gavel')} ${dim(`${around.address}/metrics   data ${around.dataDir} (${formatBytes(around.dataBytes)})   up ${formatSpan(around.now - around.startedAt)}`)}`,
    '',
    ...headline(view, around, colors),
    '',
    heading('Closing next'),
    ...orNone(
      view.closingSoonest(SOONEST).map((auction) => {
        const price = formatPrice(auction.price, auction.currency).padStart(16);
        const left = formatSpan(auction.endsAt - around.now).padStart(7);
        return `  ${left}  ${fit(auction.auctionId, 20)} ${price}  ${`${auction.bids}`.padStart(5)} bids  ${auction.leader ?? dim('nobody')}`;
      }),
      dim,
    ),
    '',
    heading('Last verdicts'),
    ...orNone(
      view.lastVerdicts.map((verdict) => verdictLine(verdict, colors)),
      dim,
    ),
    '',
    heading('Closed'),
    ...orNone(
      view.lastClosings
        .slice(0, 4)
        .map(
          (auction) =>
            `  ${fit(auction.auctionId, 20)} ${formatPrice(auction.price, auction.currency).padStart(16)}  ${auction.status}`,
        ),
      dim,
    ),
    '',
    heading('Flagged'),
    ...orNone(
      view.lastFlags
        .slice(0, 4)
        .map((flag) => `  ${fit(flag.auctionId, 20)} ${fit(flag.bidderId, 16)} ${colors.yellow(flag.reason ?? '')}`),
      dim,
    ),
    '',
    around.warning === undefined ? dim('Ctrl-C stops.') : colors.yellow(around.warning),
  ];
}

/** The figures of one moment, keys in this order. */
export interface Figures {
  readonly time: string;
  readonly bidsPerSecond: number;
  /** Milliseconds; null before the first bid. */
  readonly latency: Percentiles | null;
  readonly accepted: number;
  readonly rejected: number;
  readonly duplicates: number;
  readonly flagged: number;
  readonly open: number;
  readonly closed: number;
  readonly lag: number;
}

export function figuresOf(view: MarketView, { now, lag }: Surroundings): Figures {
  const { accepted, rejected, duplicates, flagged, closed } = view.totals;
  return {
    time: new Date(now).toISOString(),
    bidsPerSecond: view.bidsPerSecond(now),
    latency: view.latency() ?? null,
    accepted,
    rejected,
    duplicates,
    flagged,
    open: view.openAuctions,
    closed,
    lag,
  };
}

/** For a log: one line. */
export function plainLine({ time, bidsPerSecond, latency, ...counts }: Figures): string {
  const spans =
    latency === null ? '' : ` latency ms p50=${round(latency.p50)} p95=${round(latency.p95)} p99=${round(latency.p99)}`;
  const counted = Object.entries(counts).map(([name, count]) => `${name}=${count}`);
  return `${time} bids/s=${round(bidsPerSecond)}${spans} ${counted.join(' ')}`;
}

function headline(view: MarketView, around: Surroundings, { bold, dim }: Colors): readonly string[] {
  const { accepted, rejected, duplicates, flagged, closed } = view.totals;
  const latency = view.latency();
  const latencies =
    latency === undefined
      ? dim('no bid yet')
      : `p50 ${round(latency.p50)} ms  p95 ${round(latency.p95)} ms  p99 ${round(latency.p99)} ms`;
  return [
    `  bids/s     ${bold(round(view.bidsPerSecond(around.now)).padEnd(10))} latency   ${latencies}   lag ${around.lag}`,
    `  accepted   ${String(accepted).padEnd(10)} rejected  ${String(rejected).padEnd(9)} duplicates ${duplicates}`,
    `  open       ${String(view.openAuctions).padEnd(10)} closed    ${String(closed).padEnd(9)} flagged    ${flagged}`,
  ];
}

function verdictLine(verdict: ShownVerdict, { green, red, dim }: Colors): string {
  const outcome = verdict.reason ?? verdict.outcome;
  const paint = verdict.outcome === 'ACCEPTED' ? green : verdict.outcome === 'REJECTED' ? red : dim;
  const price = verdict.price === null || verdict.currency === null ? '' : formatPrice(verdict.price, verdict.currency);
  return `  ${fit(verdict.auctionId, 20)} ${fit(verdict.bidderId, 16)} ${price.padStart(16)}  ${paint(outcome)}`;
}

function orNone(lines: readonly string[], dim: (text: string) => string): readonly string[] {
  return lines.length === 0 ? [dim('  none yet')] : lines;
}

/** Exactly `width` wide; what is cut off is shown. */
function fit(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);
}

function round(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(1);
}

/** 75,000 ms as `1m15s`. */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${String(seconds % 60).padStart(2, '0')}s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h${String(minutes % 60).padStart(2, '0')}m` : `${Math.floor(hours / 24)}d${hours % 24}h`;
}
