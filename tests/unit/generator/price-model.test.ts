import { beforeEach, describe, expect, it } from 'vitest';
import { PriceModel } from '../../../generator/price-model.ts';

describe('PriceModel', () => {
  let model: PriceModel;

  beforeEach(() => {
    model = new PriceModel({ startPrice: 10_00, reservePrice: null }, 'USD');
  });

  const state = (): readonly [number, string | null] => [model.price, model.leader];

  it('follows the rules of a bid', () => {
    model.bid('A', 50_00, 'PROXY');
    expect(state()).toEqual([10_00, 'A']);
    model.bid('B', 20_00, 'MANUAL');
    expect(state()).toEqual([20_50, 'A']);
    model.bid('B', 50_00, 'PROXY');
    expect(state()).toEqual([50_00, 'A']);
    model.bid('A', 60_00, 'PROXY');
    expect(state()).toEqual([51_00, 'A']);
    model.bid('C', 70_00, 'MANUAL');
    expect(state()).toEqual([70_00, 'C']);
  });

  it('is not moved by a bid that is refused', () => {
    model.bid('A', 9_99, 'MANUAL');
    expect(state()).toEqual([10_00, null]);
    model.bid('A', 10_00, 'MANUAL');
    model.bid('A', 10_00, 'MANUAL');
    model.bid('B', 10_49, 'MANUAL');
    expect(state()).toEqual([10_00, 'A']);
    expect(model.nextMinimum).toBe(10_50);
  });

  it('believes a higher price that it sees, and no lower one', () => {
    model.bid('A', 50_00, 'PROXY');
    model.see({ price: 51_00, leader: 'stranger' });
    expect(state()).toEqual([51_00, 'stranger']);
    model.see({ price: 10_00, leader: 'A' });
    expect(state()).toEqual([51_00, 'stranger']);
  });

  it('keeps the first leader while the view still shows nobody', () => {
    model.bid('A', 10_00, 'MANUAL');
    model.see({ price: 10_00, leader: null });
    expect(state()).toEqual([10_00, 'A']);
  });
});
