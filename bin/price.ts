/** Prices for people: the decimal string with its currency. */

import { exponentOf, formatMoney } from '../topology/money.ts';

/** 2050 of USD as `20.50 USD`; minor units where the currency is none of ISO 4217. */
export function formatPrice(amount: number, currency: string): string {
  return `${exponentOf(currency) === undefined ? amount : formatMoney(amount, currency)} ${currency}`;
}
