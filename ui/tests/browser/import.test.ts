// What Prefect on this computer knows is listed, and what is chosen becomes a server.

import type { Page } from "playwright-core";
import { expect, test } from "vitest";

import { stage } from "./stage";

const { open } = stage();

const focused = (page: Page) => page.evaluate(() => document.activeElement?.id);

async function press(page: Page, ...keys: string[]): Promise<void> {
  for (const key of keys) await page.keyboard.press(key);
}

test("the keyboard alone imports at the first start, and is told what became of each", async () => {
  const page = await open("first-start");
  await page.locator("#field-url:focus").waitFor();
  await press(page, "Tab", "Tab");
  expect(await focused(page)).toBe("import-from-prefect");
  await press(page, "Enter");
  await page.locator("#import-heading:focus").waitFor();
  await page.locator("#candidates").waitFor();
  expect(await page.locator("#import-said").textContent()).toContain("3 can be imported.");
  await press(page, "Tab");
  expect(await focused(page)).toBe("import-0");
  await press(page, "Space", "Tab");
  expect(await focused(page)).toBe("import-1");
  await press(page, "Space", "Tab");
  expect(await focused(page)).toBe("import-2");
  expect(await page.locator("#import").textContent()).toContain("Import 2 servers");
  await press(page, "Tab");
  expect(await focused(page), "what is barred is no stop").toBe("import");
  await press(page, "Enter");
  await page.locator("li.failed", { hasText: "The keychain is locked" }).waitFor();
  await page.locator("li.done", { hasText: "Its secrets still stand where they were" }).waitFor();
  expect(await page.locator("#import-said").textContent()).toContain("1 imported.");
  // It may be tried again.
  expect(await page.locator("#import-1").isEnabled()).toBe(true);
  expect(await page.locator("#import-0").isEnabled()).toBe(false);
  await page.locator("#import-done").click();
  await page.locator("#server-name:focus").waitFor();
  expect(await page.locator("#server-url").textContent()).toContain("https://data.example.com");
});

test("what is there already cannot be chosen, and Escape leads back to the form", async () => {
  const page = await open("servers");
  await page.locator("#add-server").click();
  await page.locator("#import-from-prefect").click();
  await page.locator("#candidates").waitFor();
  expect(await page.locator("#import-4").isEnabled()).toBe(false);
  await page.locator("#import-4-about", { hasText: "“Production” leads to this server already." }).waitFor();
  expect(await page.locator("#import").getAttribute("aria-disabled")).toBe("true");
  await press(page, "Escape");
  await page.locator("#field-url:focus").waitFor();
  await press(page, "Escape");
  await page.locator("#server-name").waitFor();
  expect(await page.getByRole("option").count()).toBe(7);
});

test("where nothing is found, it says where it looked", async () => {
  const page = await open("one");
  await page.locator("#add-server").click();
  await page.locator("#import-from-prefect").click();
  await page.locator("#import-nothing", { hasText: "/home/ada/.prefect/profiles.toml" }).waitFor();
  expect(await page.locator("#import").count()).toBe(0);
});

test("what was typed is not given up for it without a word", async () => {
  const page = await open("servers");
  await page.locator("#add-server").click();
  await page.locator("#field-url").fill("https://prefect.example.com");
  await page.locator("#import-from-prefect").click();
  await page.getByRole("dialog", { name: "Discard what you typed?" }).waitFor();
  await page.locator("#dialog-confirm").click();
  await page.locator("#import-heading:focus").waitFor();
});
