// What goes through a gateway, as a person looks at it.

import { join } from "node:path";

import type { Page } from "playwright-core";
import { expect, test } from "vitest";

import { stage } from "./stage";

const { open } = stage();

async function activity(page: Page): Promise<void> {
  await page.locator("#tab-activity").click();
  await page.locator("#exchanges").waitFor();
}

const rows = (page: Page) => page.locator("#exchanges [role=row]:not([aria-rowindex='1'])");

test("a filter is words, a door, and problems only", async () => {
  const page = await open("servers");
  await activity(page);
  const counted = (count: string) => page.locator("#activity-facts", { hasText: count }).waitFor();
  await counted("60 requests; the last 2,000 are kept");
  await page.locator("#filter").fill("POST filter 500");
  await counted("4 of 60 requests");
  expect(await rows(page).first().textContent()).toContain("/api/work_pools/filter");
  await page.locator("#filter").fill("");
  await page.locator("#filter-door").selectOption("refused");
  await counted("4 of 60 requests");
  await page.locator("#filter-door").selectOption("all");
  await page.locator("#filter-problems").check();
  await counted("16 of 60 requests");
  await page.locator("#filter").fill("nothing like it");
  await page.locator("#clear-filter").click();
  await counted("60 requests");
});

test("rows are chosen and copied by keyboard, and only those in sight are made", async () => {
  const page = await open("many");
  await page.locator("#server-server-0").click();
  await activity(page);
  const grid = page.locator("#exchanges");
  expect(await grid.getAttribute("aria-rowcount")).toBe("2001");
  await grid.focus();
  for (const [key, id] of [
    ["ArrowDown", "exchange-2000"],
    ["ArrowDown", "exchange-1999"],
    ["End", "exchange-1"],
    ["ArrowUp", "exchange-2"],
    ["Home", "exchange-2000"],
  ] as const) {
    await page.keyboard.press(key);
    await page.locator(`#${id}[aria-selected=true]`).waitFor();
    expect(await grid.getAttribute("aria-activedescendant")).toBe(id);
    const box = (await page.locator(`#${id}`).boundingBox())!;
    const frame = (await grid.boundingBox())!;
    expect(box.y).toBeGreaterThanOrEqual(frame.y);
    expect(box.y + box.height).toBeLessThanOrEqual(frame.y + frame.height);
    expect(await rows(page).count()).toBeLessThan(80);
  }
  await page.keyboard.press("Control+c");
  await page.locator("#announcements", { hasText: "Copied as a curl command." }).waitFor();
  await page.locator("#copy-curl", { hasText: "Copied" }).waitFor();
  await page.locator("#close-details").click();
  await page.locator("#exchanges:focus").waitFor();
  await page.locator("#details").waitFor({ state: "detached" });
  expect(await page.locator("#exchanges [aria-selected=true]").count(), "nothing is chosen any more").toBe(0);
});

test("two thousand requests a second do not hold up the page", async () => {
  const page = await open("busy");
  await page.evaluate(() => {
    const gaps: number[] = [];
    let last = performance.now();
    const frame = (now: number) => {
      gaps.push(now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    Object.assign(globalThis, { gaps });
  });
  await activity(page);
  await page.locator("#activity-facts", { hasText: "2,000 requests" }).waitFor();
  await page.locator("#filter").fill("filter");
  await page.waitForFunction(() => (globalThis as unknown as { gaps: number[] }).gaps.length > 180);
  const gaps = await page.evaluate(() => (globalThis as unknown as { gaps: number[] }).gaps);
  gaps.sort((a, b) => a - b);
  const usual = gaps[Math.floor(gaps.length * 0.9)]!;
  expect(usual, "ms from frame to frame, nine times of ten").toBeLessThan(200);
  expect(gaps.at(-1), "ms from frame to frame, at most").toBeLessThan(2000);
  expect(await rows(page).count()).toBeLessThan(80);
  expect(await page.locator("#activity-facts").textContent()).toContain("17 more came too fast to be listed");
});

test("a pause holds still what is in sight, and going on shows what is new", async () => {
  const page = await open("busy");
  await activity(page);
  const first = () => rows(page).first().getAttribute("id");
  const before = await first();
  await page.waitForFunction((id) => document.getElementById(id!) === null, before);
  await page.locator("#pause").click();
  const held = await first();
  // Longer than the longest way of an answer that was under way.
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 600)));
  expect(await first()).toBe(held);
  await page.locator("#pause").click();
  await page.waitForFunction((id) => document.getElementById(id!) === null, held);
});

test("where the list cannot be had, it can be tried again", async () => {
  const page = await open("stumbling");
  await page.locator("#tab-activity").click();
  await page.locator("#try-once-more").click();
  await page.locator("#activity-facts", { hasText: "requests" }).waitFor();
  expect(await page.locator("#try-once-more").count()).toBe(0);
});

test("who has scrolled keeps what is in sight, whatever comes", async () => {
  const page = await open("steady");
  await activity(page);
  const grid = page.locator("#exchanges");
  await grid.evaluate((element) => (element.scrollTop = 3000));
  const inSight = () =>
    grid.evaluate((element) => {
      const { left, top, height } = element.getBoundingClientRect();
      const row = document.elementFromPoint(left + 60, top + height / 2)?.closest("[role=row]");
      return { id: row?.id, y: row?.getBoundingClientRect().y, count: Number(element.ariaRowCount) };
    });
  await page.waitForFunction(() => document.getElementById("exchanges")!.scrollTop > 3000);
  const before = await inSight();
  expect(before.id).toMatch(/^exchange-/);
  await page.waitForFunction(
    (count) => Number(document.getElementById("exchanges")!.ariaRowCount) > count + 50,
    before.count,
  );
  expect(await inSight()).toMatchObject({ id: before.id, y: before.y });
});

test("an archive is read by a browser's own reader", async () => {
  const context = (await open("servers")).context();
  await context.routeFromHAR(join(import.meta.dirname, "example.har"), { notFound: "abort" });
  const page = await context.newPage();
  const answer = await page.goto("http://127.0.0.1:4201/v2/dashboard");
  expect(answer?.status()).toBe(200);
  const status = (path: string, method: string) =>
    page.evaluate(async ([path, method]) => (await fetch(path!, { method: method! })).status, [path, method]);
  expect(await status("/api/flow_runs/filter", "POST")).toBe(200);
  expect(await status("/api/flows", "GET")).toBe(401);
});
