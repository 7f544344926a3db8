// Every scene, as people with different eyes and settings get it: no rule of axe broken, nothing cut off at
// the sides. With POSTERN_SCREENSHOTS=<folder> pictures are kept there, to be looked at.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import axe, { type RunOptions } from "axe-core";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";

import { SCENES } from "./scenes";
import { stage } from "./stage";

const { open } = stage();
const folder = process.env["POSTERN_SCREENSHOTS"];

/** 320 is what is left of the smallest window when text is zoomed to 200 %. */
const WIDTHS = [320, 640, 960, 1600];
/** More contrast only adds to what is judged without, and forced colours are the system's. */
const EYES = [
  { name: "light", judged: true, media: { colorScheme: "light" } },
  { name: "dark", judged: true, media: { colorScheme: "dark" } },
  { name: "contrast", judged: false, media: { colorScheme: "light", contrast: "more" } },
  { name: "forced", judged: false, media: { colorScheme: "dark", forcedColors: "active" } },
] as const;

const RULES: RunOptions = {
  runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"],
  rules: { "color-contrast": { enabled: false } },
};
const CONTRAST: RunOptions = { runOnly: { type: "rule", values: ["color-contrast"] } };

test.each(SCENES)("$name breaks no rule of accessibility, and fits", async ({ name, fixture, play }) => {
  const page = await open(fixture, { reducedMotion: "reduce" });
  await play?.(page);
  expect(await violations(page, RULES)).toEqual([]);
  for (const width of WIDTHS) {
    await page.setViewportSize(size(width));
    expect(await sideways(page), `scrolls sideways at ${width}`).toBe(false);
  }
  for (const { name: eyes, media, judged } of EYES) {
    await page.emulateMedia({ contrast: "no-preference", forcedColors: "none", ...media });
    if (judged) expect(await violations(page, CONTRAST), eyes).toEqual([]);
    for (const width of folder === undefined ? [] : WIDTHS) {
      // The narrowest shows little at once: to be looked at whole, it is as high as a column of it is.
      await page.setViewportSize(width === WIDTHS[0] ? { width, height: 1400 } : size(width));
      await keep(page, `${name}-${eyes}-${width}`);
    }
  }
});

async function keep(page: Page, name: string): Promise<void> {
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

function sideways(page: Page): Promise<boolean> {
  return page.evaluate(() =>
    [document.documentElement, ...document.querySelectorAll("main, nav, ul, dialog")].some(
      (element) => element.scrollWidth > element.clientWidth,
    ),
  );
}

function size(width: number): { width: number; height: number } {
  return { width, height: Math.round(width * 0.7) };
}

async function violations(page: Page, options: RunOptions): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations: found } = await page.evaluate(
    // @ts-expect-error: `axe` is put on the page one line above.
    (options) => (globalThis.axe as typeof axe).run(options),
    options,
  );
  return found.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`));
}
