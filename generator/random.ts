/** Seeded randomness and the few distributions that the market needs. */

/** A number in [0, 1). */
export type Random = () => number;

/** The same seed gives the same numbers on every machine (sfc32, seeded by a hash of the text). */
export function seededRandom(seed: string): Random {
  let [a, b, c, d] = hash128(seed);
  const next = (): number => {
    const sum = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return (sum >>> 0) / 0x1_0000_0000;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

/** An integer in [0, bound). */
export function integerBelow(random: Random, bound: number): number {
  return Math.floor(random() * bound);
}

/** A number in [low, high). */
export function between(random: Random, low: number, high: number): number {
  return low + random() * (high - low);
}

/** Log-normal: half of the draws lie below `median`; `sigma` is the deviation of the logarithm. */
export function logNormal(random: Random, median: number, sigma: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  return median * Math.exp(sigma * radius * Math.cos(2 * Math.PI * random()));
}

/** The gap to the next event of a Poisson process, in the unit of `mean`. */
export function exponential(random: Random, mean: number): number {
  return -mean * Math.log(1 - random());
}

export interface Weighted {
  readonly weight: number;
}

/** One of `choices`, by weight. */
export function pickWeighted<T extends Weighted>(random: Random, choices: readonly T[]): T {
  let rest = random() * choices.reduce((sum, choice) => sum + choice.weight, 0);
  for (const choice of choices) {
    rest -= choice.weight;
    if (rest < 0) return choice;
  }
  return choices.at(-1) as T;
}

/** One of `choices`, each as likely. */
export function pick<T>(random: Random, choices: readonly T[]): T {
  return choices[integerBelow(random, choices.length)] as T;
}

/** FNV-1a over the text from four bases, each mixed to the end. */
function hash128(text: string): [number, number, number, number] {
  const mixed = [0x811c9dc5, 0x9e3779b9, 0x85ebca6b, 0xc2b2ae35].map((base) => {
    let hash = base;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
    return hash ^ (hash >>> 15);
  });
  return mixed as [number, number, number, number];
}
