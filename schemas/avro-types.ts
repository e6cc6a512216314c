/**
 * Avro types in the place of avsc's own: longs beyond the safe integers, containers that a corrupt count cannot make
 * endless, and short ways for the strings and nullable fields that most records are made of (measured: a third less time).
 */

import avro from 'avsc';

/** avsc's cursor over a buffer; past the end it reads zeros and writes nothing, and avsc looks at `pos` afterwards. */
interface Tap {
  readonly buf: Buffer;
  pos: number;
  readLong(): number;
  writeLong(value: number): void;
  skipLong(): void;
  readString(): string;
  writeString(value: string): void;
}

/** What avsc's types have besides their typed surface. */
interface Inner {
  _read(tap: Tap): unknown;
  _write(tap: Tap, value: unknown): void;
  _check(value: unknown, flags?: number, hook?: Hook, path?: string[]): boolean;
}

type Hook = (value: unknown, type: avro.Type) => void;

/** Below it avsc's arithmetic is exact: above, it writes and reads some negative longs with a wrong sign. */
const EXACT = 2 ** 52;

/** A long that is read as a number where that is safe and as a bigint where not, and written from either. */
export class WideLongType extends avro.types.LongType implements Inner {
  _check(value: unknown, _flags?: number, hook?: Hook): boolean {
    const valid = typeof value === 'bigint' ? BigInt.asIntN(64, value) === value : Number.isSafeInteger(value);
    if (!valid && hook !== undefined) hook(value, this);
    return valid;
  }

  _read(tap: Tap): number | bigint {
    const start = tap.pos;
    const value = tap.readLong();
    return value < EXACT && value > -EXACT ? value : readExactly(tap, start);
  }

  _write(tap: Tap, value: unknown): void {
    if (typeof value === 'number' && value < EXACT && value > -EXACT && Number.isInteger(value)) tap.writeLong(value);
    else if (this._check(value)) writeExactly(tap, BigInt(value as number | bigint));
    else throw new TypeError('not a long');
  }
}

function readExactly(tap: Tap, start: number): number | bigint {
  let zigzag = 0n;
  for (let at = start; at < tap.pos; at += 1) zigzag |= BigInt((tap.buf[at] ?? 0) & 0x7f) << BigInt(7 * (at - start));
  if (zigzag >= 1n << 64n) throw new RangeError('a long of more than 64 bits');
  const value = (zigzag >> 1n) ^ -(zigzag & 1n);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function writeExactly(tap: Tap, value: bigint): void {
  let zigzag = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  while (zigzag > 0x7fn) {
    tap.buf[tap.pos++] = Number(zigzag & 0x7fn) | 0x80;
    zigzag >>= 7n;
  }
  tap.buf[tap.pos++] = Number(zigzag);
}

/** `["null", T]`, read and written without looking for the branch. */
export class NullableType extends avro.types.UnwrappedUnionType implements Inner {
  _check(value: unknown, flags?: number, hook?: Hook, path?: string[]): boolean {
    return value === null || branchOf(this)._check(value, flags, hook, path);
  }

  _read(tap: Tap): unknown {
    const branch = tap.readLong();
    if (branch === 0) return null;
    if (branch === 1) return branchOf(this)._read(tap);
    throw new RangeError(`no branch ${branch} in a nullable`);
  }

  _write(tap: Tap, value: unknown): void {
    if (value === null) {
      tap.buf[tap.pos++] = 0;
    } else {
      tap.buf[tap.pos++] = 2;
      branchOf(this)._write(tap, value);
    }
  }
}

function branchOf(type: NullableType): Inner {
  return type.types[1] as unknown as Inner;
}

/** Up to this many bytes calling `String.fromCharCode` is cheaper than leaving JavaScript. */
const SHORT = 16;

type CodeReader = (bytes: Buffer, start: number) => string;

/** By length, since `fromCharCode` is fast with a fixed number of arguments only. */
const SHORT_READERS = Array.from({ length: SHORT + 1 }, (_, length) => {
  const codes = Array.from({ length }, (_code, i) => `bytes[start + ${i}]`);
  // oxlint-disable-next-line no-new-func, typescript/no-implied-eval -- of constant text
  return new Function('read', `return (bytes, start) => read(${codes.join()})`)(String.fromCharCode) as CodeReader;
});

/** A string, mostly short and ASCII. */
export class ShortStringType extends avro.types.StringType implements Pick<Inner, '_read' | '_write'> {
  _read(tap: Tap): string {
    const { buf, pos } = tap;
    const length = (buf[pos] ?? 0) >> 1;
    const start = pos + 1;
    if (length <= SHORT && start + length <= buf.length) {
      let seen = (buf[pos] ?? 0) << 7; // an odd count is negative, and no longer ASCII
      for (let at = start; at < start + length; at += 1) seen |= buf[at] as number;
      if ((seen & 0x80) === 0) {
        tap.pos = start + length;
        return (SHORT_READERS[length] as CodeReader)(buf, start);
      }
    }
    return tap.readString();
  }

  _write(tap: Tap, value: unknown): void {
    if (typeof value !== 'string') throw new TypeError('not a string');
    const { buf, pos } = tap;
    const { length } = value;
    if (length < 0x40 && pos + length < buf.length) {
      let i = 0;
      for (; i < length; i += 1) {
        const code = value.charCodeAt(i);
        if (code > 0x7f) break;
        buf[pos + 1 + i] = code;
      }
      if (i === length) {
        buf[pos] = length << 1;
        tap.pos = pos + 1 + length;
        return;
      }
    }
    tap.writeString(value);
  }
}

/** An array whose items take at least a byte each; avsc would loop over any count that corrupt bytes claim. */
export class BoundedArrayType extends avro.types.ArrayType {
  // Also called on avsc's resolvers, which have an `itemsType` of their own.
  _read(this: { readonly itemsType: unknown }, tap: Tap): unknown[] {
    const items = this.itemsType as Inner;
    const values: unknown[] = [];
    for (let count = blockCount(tap); count > 0; count = blockCount(tap)) {
      for (let i = 0; i < count; i += 1) values.push(items._read(tap));
    }
    return values;
  }

  _skip(tap: Tap): void {
    this._read(tap);
  }
}

/** A map, bounded like the array. */
export class BoundedMapType extends avro.types.MapType {
  _read(this: { readonly valuesType: unknown }, tap: Tap): Readonly<Record<string, unknown>> {
    const values = this.valuesType as Inner;
    const entries: Record<string, unknown> = {};
    for (let count = blockCount(tap); count > 0; count = blockCount(tap)) {
      for (let i = 0; i < count; i += 1) {
        const key = tap.readString();
        entries[key] = values._read(tap);
      }
    }
    return entries;
  }

  _skip(tap: Tap): void {
    this._read(tap);
  }
}

function blockCount(tap: Tap): number {
  let count = tap.readLong();
  if (count < 0) {
    count = -count;
    tap.skipLong(); // the block's size in bytes
  }
  if (count > 0 && count > tap.buf.length - tap.pos) throw new RangeError(`${count} items in too few bytes`);
  return count;
}
