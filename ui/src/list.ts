// Moving in a list by keyboard, as listboxes, grids and tabs do.

/** Where a key leads from line `at` of `count`; `null` when it does not move. */
export function move(key: string, at: number, count: number): number | null {
  if (count === 0) return null;
  switch (key) {
    case "ArrowDown":
      return Math.min(at + 1, count - 1);
    case "ArrowUp":
      return Math.max(at - 1, 0);
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}

/** The same for tabs, which lie side by side and go round. */
export function across(key: string, at: number, count: number): number | null {
  switch (key) {
    case "ArrowRight":
      return (at + 1) % count;
    case "ArrowLeft":
      return (at - 1 + count) % count;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}

/** The next line from `at` on whose name starts with what was typed; around the end; `null` for none. */
export function find(typed: string, at: number, names: readonly string[]): number | null {
  const wanted = typed.toLocaleLowerCase();
  // The same letter again and again goes through all that start with it.
  const repeated = [...wanted].every((letter) => letter === wanted[0]);
  const prefix = repeated ? wanted.slice(0, 1) : wanted;
  const start = repeated ? at + 1 : at;
  for (let step = 0; step < names.length; step += 1) {
    const index = (start + step) % names.length;
    if (names[index]?.toLocaleLowerCase().startsWith(prefix)) return index;
  }
  return null;
}
