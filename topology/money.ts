/** Money as minor units of an ISO 4217 currency; decimal strings only at the edges. */

import { GavelError } from 'gavel/streams';
import type { Money } from 'gavel/schemas';

/** The largest amount that the rules take, in minor units. */
export const AMOUNT_MAX = 10_000_000_000_000;

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;

/** Currencies in use by their number of decimals. */
const BY_EXPONENT: readonly (readonly [exponent: number, currencies: string])[] = [
  [0, 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'],
  [
    2,
    `AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW
    CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR
    IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN
    NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB
    TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG`,
  ],
  [3, 'BHD IQD JOD KWD LYD OMR TND'],
  [4, 'CLF UYW'],
];

const EXPONENTS: ReadonlyMap<string, number> = new Map(
  BY_EXPONENT.flatMap(([exponent, currencies]) =>
    currencies.split(/\s+/).map((currency) => [currency, exponent] as const),
  ),
);

/** Decimals of a currency (JPY 0, USD 2, KWD 3), or undefined where it is unknown. */
export function exponentOf(currency: string): number | undefined {
  return EXPONENTS.get(currency);
}

/**
 * Minor units of a decimal such as `12.50`; a bigint beyond the safe integers. Negative ones are read, for the rules refuse them.
 * @throws GavelError `INPUT_INVALID`: unknown currency, no decimal number, too many decimals, more than 64 bits
 */
export function parseMoney(text: string, currency: string): Money {
  const exponent = knownExponent(currency);
  const [, sign, whole, decimals = ''] = DECIMAL.exec(text) ?? [];
  if (whole === undefined) {
    throw new GavelError('INPUT_INVALID', `"${text}" is no amount`, {
      hint: 'write digits with a point, such as 12.50',
    });
  }
  if (decimals.length > exponent) {
    throw new GavelError(
      'INPUT_INVALID',
      `"${text}" has ${decimals.length} decimals, but ${currency} has ${exponent}`,
      {
        hint: 'give the exact amount; nothing is rounded',
      },
    );
  }
  const units = BigInt(`${sign}${whole}${decimals.padEnd(exponent, '0')}`);
  if (units < INT64_MIN || units > INT64_MAX) {
    throw new GavelError('INPUT_INVALID', `"${text}" is too large`, {
      hint: 'an amount has at most 64 bits of minor units',
    });
  }
  const number = Number(units);
  return Number.isSafeInteger(number) ? number : units;
}

/**
 * The decimal string of an amount: 1250 of USD is `12.50`.
 * @throws GavelError `INPUT_INVALID`: unknown currency
 */
export function formatMoney(amount: Money, currency: string): string {
  const exponent = knownExponent(currency);
  const negative = amount < 0;
  const digits = String(amount)
    .slice(negative ? 1 : 0)
    .padStart(exponent + 1, '0');
  const point = digits.length - exponent;
  const decimals = exponent === 0 ? '' : `.${digits.slice(point)}`;
  return `${negative ? '-' : ''}${digits.slice(0, point)}${decimals}`;
}

function knownExponent(currency: string): number {
  const exponent = EXPONENTS.get(currency);
  if (exponent !== undefined) return exponent;
  throw new GavelError('INPUT_INVALID', `unknown currency "${currency}"`, { hint: 'use an ISO 4217 code such as USD' });
}
