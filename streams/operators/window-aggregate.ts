/** Folds the records of each key into one row per time window (semantics 6, 9, 21, 22). */

import type { StreamRecord } from '../record.ts';
import { dropLate, dropNullKey, dropNullValue } from './drops.ts';
import type { Fold } from './fold.ts';
import { forwardsOf } from './held-forwards.ts';
import type { CachingOptions } from './held-forwards.ts';
import type { Operator } from './operator.ts';
import { firstWindowStart, isLate } from './time-windows.ts';
import type { TimeWindows } from './time-windows.ts';
import type { Timestamped } from './timestamped.ts';
import { WindowStore } from './window-store.ts';
import type { WindowStoreSpecs } from './window-store.ts';
import type { Windowed } from './windowed.ts';

export function windowAggregating<K, V, A>(
  fold: Fold<K, V, A>,
  windows: TimeWindows,
  caching: CachingOptions<Windowed<K>>,
): Operator<K, V, Windowed<K>, A | null, WindowStoreSpecs<K, Timestamped<A>>> {
  const { sizeMs, advanceMs, onLate } = windows;
  return (context) => {
    const rows = new WindowStore<K, Timestamped<A>>(context, windows);
    const forwards = forwardsOf<Windowed<K>, A | null>(context, caching);

    const addTo = (start: number, record: StreamRecord<K, V>): void => {
      const key = { key: record.key, start, end: start + sizeMs };
      const row = rows.get(key);
      const value = fold(row?.value, record);
      const timestamp = row === undefined ? record.timestamp : Math.max(row.timestamp, record.timestamp);
      if (value === null) rows.delete(key);
      else rows.put(key, { value, timestamp });
      forwards.forward(key, value, timestamp === record.timestamp ? record : { timestamp, headers: record.headers });
    };

    return {
      process(record) {
        if (record.key === null || record.key === undefined) return dropNullKey(context);
        if (record.value === null) return dropNullValue(context);
        const observedTime = rows.advance(record.timestamp);
        let late = 0;
        for (let start = firstWindowStart(record.timestamp, windows); start <= record.timestamp; start += advanceMs) {
          if (isLate(start, observedTime, windows)) {
            late++;
            dropLate(context);
          } else addTo(start, record);
        }
        // What a wake or a cache forwarded has no original record that could be a dead letter.
        if (late > 0 && onLate === 'dead-letter' && record.offset >= 0) {
          context.deadLetter('late', `came too late for ${late} of its windows: stream time is ${observedTime}`);
        }
        return rows.sweep();
      },
      wake: (time, limit) => rows.wake(time, limit),
      flush() {
        forwards.flush();
        rows.flush();
      },
      rollback() {
        forwards.rollback();
        rows.rollback();
      },
    };
  };
}
