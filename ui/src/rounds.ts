// Looking again and again, while somebody looks at the page.

/**
 * Runs `round` again and again, `pauseMs` after its last end, and not while the page is hidden. An error ends it, and
 * goes to `failed`. The result ends it too.
 */
export function rounds(
  round: () => Promise<unknown>,
  pauseMs: number,
  failed: (reason: unknown) => void,
): () => void {
  let over = false;
  const pause = async () => {
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    while (document.hidden && !over) {
      await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
    }
  };
  const run = async () => {
    while (!over) {
      await round();
      await pause();
    }
  };
  run().catch((reason: unknown) => {
    if (!over) failed(reason);
  });
  return () => (over = true);
}
