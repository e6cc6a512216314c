/** Keeps a screen drawn: four times a second on a terminal, else one plain line every five seconds. */

import type { World } from '../world.ts';

const REDRAW_MS = 250;
const LINE_MS = 5_000;

export interface TerminalOptions {
  readonly world: World;
  readonly lines: () => readonly string[];
  readonly line: () => string;
}

/** Begins at once; stops, with the last picture left standing, when disposed. */
export function openTerminal({ world, lines, line }: TerminalOptions): Disposable {
  const { stdout } = world;
  if (stdout.isTTY !== true) {
    const timer = setInterval(() => stdout.write(`${line()}\n`), LINE_MS);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }
  stdout.write(HIDE_CURSOR + CLEAR);
  const draw = (): void => {
    stdout.write(paintScreen(lines(), stdout.columns ?? 80, stdout.rows ?? 24));
  };
  draw();
  const timer = setInterval(draw, REDRAW_MS);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      draw();
      stdout.write(`\n${SHOW_CURSOR}`);
    },
  };
}

const ESCAPE = '\u001B';
const HIDE_CURSOR = '\u001B[?25l';
const SHOW_CURSOR = '\u001B[?25h';
const CLEAR = '\u001B[2J';
const HOME = '\u001B[H';
const CLEAR_LINE = '\u001B[K';
const CLEAR_BELOW = '\u001B[J';

/** One write that replaces the screen without a flicker: nothing wider or higher than the terminal. */
export function paintScreen(lines: readonly string[], columns: number, rows: number): string {
  const shown = lines.slice(0, Math.max(1, rows - 1)).map((text) => clip(text, columns) + CLEAR_LINE);
  return HOME + shown.join('\n') + CLEAR_BELOW;
}

/** Cuts after `columns` visible characters; colours are no characters, and end with the line. */
export function clip(text: string, columns: number): string {
  let visible = 0;
  // Text and colour codes in turn: each code begins with an escape and ends with the first m.
  return text
    .split(ESCAPE)
    .map((part, i) => {
      const code = i === 0 ? '' : ESCAPE + part.slice(0, part.indexOf('m') + 1);
      const shown = part.slice(i === 0 ? 0 : code.length - 1).slice(0, columns - visible);
      visible += shown.length;
      return code + shown;
    })
    .join('');
}
