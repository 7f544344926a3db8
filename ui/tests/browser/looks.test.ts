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

const WIDTHS = [640, 960, 1600];
const EYES = [
  { name: "light", media: { colorScheme: "light" } },
  { name: "dark", media: { colorScheme: "dark" } },
  { name: "contrast", media: { colorScheme: "light", contrast: "more" } },
  { name: "forced", media: { colorScheme: "dark", forcedColors: "active" } },
] as const;

const RULES: RunOptions = {
  runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"],
  rules: { "color-contrast": { enabled: false } },
};
const CONTRAST: RunOptions = { runOnly: { type: "rule", values: ["color-contrast"] } };

test.each(SCENES)("$name breaks no rule of accessibility", async ({ name, fixture, play }) => {
  const page = await open(fixture, { reducedMotion: "reduce" });
  await play?.(page);
  expect(await violations(page, RULES)).toEqual([]);
  for (const width of WIDTHS) {
    await page.setViewportSize(size(width));
    expect(await sideways(page), `scrolls sideways at ${width}`).toBe(false);
  }
  for (const { name: eyes, media } of EYES) {
    await page.emulateMedia({ contrast: "no-preference", forcedColors: "none", ...media });
    // Forced colours are the system's; axe would judge ours.
    if (eyes !== "forced") expect(await violations(page, CONTRAST), eyes).toEqual([]);
    for (const width of folder === undefined ? [] : WIDTHS) {
      await page.setViewportSize(size(width));
      await keep(page, `${name}-${eyes}-${width}`);
    }
  }
});

test.each(SCENES)(
  "$name fits with text twice as large in the smallest window",
  async ({ name, fixture, play }) => {
    // What zooming to 200 % does: half as many pixels to lay out in, each twice as large.
    const page = await open(fixture, { viewport: { width: 320, height: 280 }, deviceScaleFactor: 2 });
    await play?.(page);
    await keep(page, `${name}-large`);
    expect(await sideways(page)).toBe(false);
  },
);

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
