// What is set for Postern itself: each switch is saved at once, and stands as it is saved.

import type { Page } from "playwright-core";
import { expect, test } from "vitest";

import { stage } from "./stage";

const { open } = stage();

const box = (kind: string) => `#field-notice-${kind}`;
const settings = async (fixture: string): Promise<Page> => {
  const page = await open(fixture);
  await page.locator("#settings").click();
  await page.locator(box("lost")).waitFor();
  return page;
};

test("two switches one right after the other are both saved", async () => {
  const page = await settings("one");
  await page.evaluate(
    (boxes) => boxes.forEach((one) => document.querySelector<HTMLElement>(one)?.click()),
    [box("lost"), box("back")],
  );
  await page.locator(`${box("back")}:not(:checked)`).waitFor();
  expect(await page.locator(box("lost")).isChecked()).toBe(false);
  expect(await page.locator(box("certificate")).isChecked()).toBe(true);
  // And so they are found again.
  await page.locator("#settings-done").click();
  await page.locator("#settings:focus").click();
  expect(await page.locator(box("lost")).isChecked()).toBe(false);
  await page.locator(box("lost")).click();
  await page.locator(`${box("lost")}:checked`).waitFor();
});

test("a switch that is not saved stands as before", async () => {
  const page = await settings("refusing");
  await page.locator(box("lost")).click();
  expect(await page.locator(box("lost")).isChecked()).toBe(true);
});

test("how much is logged stands as it is saved", async () => {
  const page = await settings("one");
  const level = page.locator("#field-log");
  await level.selectOption("trace");
  await page.locator("#field-log:has(option[value=trace]:checked)").waitFor();
  const refused = await settings("refusing");
  await refused.locator("#field-log").selectOption("trace");
  expect(await refused.locator("#field-log").inputValue()).toBe("info");
});

test("a shortcut is saved when it is typed whole, and what is wrong with one is said at its field", async () => {
  const page = await settings("one");
  const field = page.locator("#field-shortcut");
  await field.fill("P");
  await field.press("Enter");
  await page.locator("#field-shortcut-error", { hasText: "A shortcut needs" }).waitFor();
  expect(await field.getAttribute("aria-describedby")).toContain("field-shortcut-error");
  await field.fill("Ctrl+Alt+P");
  await field.press("Tab");
  await page.locator("#field-shortcut-error").waitFor({ state: "detached" });
  await page.locator("#settings-done").click();
  await page.locator("#settings:focus").click();
  expect(await field.inputValue()).toBe("Ctrl+Alt+P");
});

test("when the last server is removed elsewhere, the settings make way for the first form", async () => {
  const page = await settings("one");
  await page.evaluate(() => dispatchEvent(new Event("removed-elsewhere")));
  await page.getByRole("heading", { name: "Add your first server" }).waitFor();
  await page.locator("#field-url:focus").waitFor();
});
