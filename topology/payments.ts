/** Payments: a settlement meets the sale that pays and ships it, whichever comes first. */

import type {
  Alert,
  InputPosition,
  PaymentState,
  PosSale,
  Sale,
  Settlement,
  Transaction,
  TransactionStatus,
} from 'gavel/schemas';
import {
  port,
  processor,
  type Edge,
  type KeyValueStore,
  type Processor,
  type ProcessorContext,
  type StreamRecord,
} from 'gavel/streams';
import { alertOf, inputOf } from './alerts.ts';
import { paymentDueAt } from './settlement.ts';
import type { PortTypes } from './judge-context.ts';
import { paymentStores, type PaymentStores } from './state.ts';

const paymentPorts = { transactions: port<string, Transaction>(), alerts: port<string, Alert>() };

type PaymentContext = ProcessorContext<PortTypes<typeof paymentPorts>, PaymentStores>;

type PaymentRecord = StreamRecord<string, Transaction | PosSale>;

/** The step that settles what was paid. */
export function payments(from: readonly Edge<string, Transaction | PosSale>[], keepClosedDays: number) {
  return processor({
    name: 'payments',
    from,
    ports: paymentPorts,
    stores: paymentStores(keepClosedDays),
    create: (context) => new Payments(context, keepClosedDays),
  });
}

/** Keyed by auctionId. A sale waits for its settlement; one that does not fit it raises an alert and pays nothing. */
class Payments implements Processor<string, Transaction | PosSale> {
  readonly #context: PaymentContext;
  readonly #payments: KeyValueStore<string, PaymentState>;
  readonly #keepClosedDays: number;

  constructor(context: PaymentContext, keepClosedDays: number) {
    this.#context = context;
    this.#keepClosedDays = keepClosedDays;
    this.#payments = context.stores.payments;
  }

  process(record: PaymentRecord): void {
    const { key, value } = record;
    if (key === null) return this.#context.deadLetter('NULL_KEY', 'a sale needs its auctionId as its key');
    if (value === null) return this.#context.deadLetter('NULL_VALUE', 'a sale needs a value');
    if (value.auctionId !== key)
      return this.#context.deadLetter('KEY_MISMATCH', 'the key is not the auctionId of the value');
    const before = this.#payments.get(key);
    if (value.type === 'Transaction') this.#settle(record, value, before?.sale ?? null);
    else this.#pay(record, value, before);
  }

  async wake(time: number, limit: number): Promise<number | undefined> {
    for (const { key, value } of await this.#payments.scanIndex('expires', { lte: time, limit })) {
      this.#payments.delete(key);
      if (value.settlement === null && value.sale !== null) {
        this.#alert(key, value.sale.input, 'A sale was never matched by a settlement.');
      }
    }
    return this.#payments.firstOrder('expires');
  }

  #settle(record: PaymentRecord, transaction: Transaction, sale: Sale | null): void {
    const { txnId, sellerId, buyerId, currency, finalPrice, platformFee, status, closedAt } = transaction;
    const settlement = { txnId, sellerId, buyerId, currency, finalPrice, platformFee, status, closedAt };
    const fault = sale === null ? undefined : paymentFault(sale, settlement);
    this.#put(record, { settlement, sale: fault === undefined || status === 'VOIDED' ? sale : null });
    if (sale !== null && fault !== undefined) this.#alert(record.key, sale.input, fault);
  }

  #pay(record: PaymentRecord, sold: PosSale, before: PaymentState | undefined): void {
    const settlement = before?.settlement ?? null;
    const known = before?.sale ?? null;
    const input = inputOf(record);
    const fault = saleFault(sold, known, settlement);
    if (fault !== undefined) return this.#alert(record.key, input, fault);
    const { saleId, currency, paidAt } = sold;
    const shippedAt = sold.shippedAt ?? known?.shippedAt ?? null;
    if (known !== null && known.shippedAt === shippedAt) return;
    this.#put(record, {
      settlement,
      sale: { saleId, amount: sold.amount as number, currency, paidAt, shippedAt, input },
    });
  }

  /** Writes both sides and tells the transaction where both are known. */
  #put({ key, timestamp }: PaymentRecord, { settlement, sale }: Pick<PaymentState, 'settlement' | 'sale'>): void {
    const payment = { settlement, sale, updatedAt: timestamp };
    this.#payments.put(key, payment);
    this.#context.wakeAt(paymentDueAt(payment, this.#keepClosedDays));
    if (settlement === null || sale === null) return;
    this.#context.forward('transactions', key, {
      type: 'Transaction',
      auctionId: key,
      ...settlement,
      status: statusOf(settlement, sale),
      saleId: sale.saleId,
      paidAt: sale.paidAt,
      shippedAt: sale.shippedAt,
      input: sale.input,
      updatedAt: timestamp,
    });
  }

  #alert(auctionId: string, input: InputPosition, message: string): void {
    this.#context.forward(
      'alerts',
      auctionId,
      alertOf('PAYMENT_MISMATCH', message, { auctionId, input, at: this.#context.time }),
    );
  }
}

function statusOf({ status }: Settlement, { shippedAt }: Sale): TransactionStatus {
  if (status !== 'PENDING') return status;
  return shippedAt === null ? 'PAID' : 'COMPLETED';
}

/** Why a sale cannot be the one of this auction, as a sentence. */
function saleFault(sold: PosSale, known: Sale | null, settlement: Settlement | null): string | undefined {
  if (typeof sold.amount !== 'number') return 'A sale has an amount out of range.';
  if (known === null) return settlement === null ? undefined : paymentFault(sold, settlement);
  if (known.saleId !== sold.saleId) return `A second sale, "${sold.saleId}", would pay what "${known.saleId}" paid.`;
  if (known.amount !== sold.amount || known.currency !== sold.currency)
    return `The sale "${known.saleId}" changed its amount.`;
  return undefined;
}

/** Why a sale does not pay a settlement. */
function paymentFault(sale: Sale | PosSale, { status, finalPrice, currency }: Settlement): string | undefined {
  if (status === 'VOIDED') return `The sale "${sale.saleId}" pays a transaction that was voided.`;
  if (sale.amount === finalPrice && sale.currency === currency) return undefined;
  const paid = `${sale.amount} ${sale.currency}`;
  return `The sale "${sale.saleId}" paid ${paid} in minor units, but ${finalPrice} ${currency} is owed.`;
}
