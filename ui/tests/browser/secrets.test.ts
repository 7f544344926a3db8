// Secrets go one way, and leave nothing behind in the page.

import type { Page } from "playwright-core";
import { expect, test } from "vitest";

import { stage } from "./stage";

const { open } = stage();

const CANARY = "canary-7f3a91-s3cret";

/** Everywhere a page could keep it, besides an input's value. */
async function traces(page: Page): Promise<string> {
  const kept = await page.evaluate(() =>
    JSON.stringify([
      { ...localStorage },
      { ...sessionStorage },
      document.cookie,
      location.href,
      document.title,
      [...document.querySelectorAll("input, textarea")].map((input) => input.getAttribute("value")),
    ]),
  );
  return kept + (await page.content());
}

/** All strings the page's scripts still hold. */
async function memory(page: Page): Promise<string> {
  const session = await page.context().newCDPSession(page);
  const chunks: string[] = [];
  session.on("HeapProfiler.addHeapSnapshotChunk", ({ chunk }) => chunks.push(chunk));
  await session.send("HeapProfiler.collectGarbage");
  await session.send("HeapProfiler.takeHeapSnapshot", { reportProgress: false });
  return chunks.join("");
}

test("a typed secret is in the input and nowhere else, and gone once it is saved", async () => {
  const page = await open("first-start");
  await page.locator("#field-url").fill("https://prefect.example.com");
  await page.locator("#field-edge-username").fill("ada");
  await page.locator("#field-edge-password").focus();
  await page.keyboard.insertText(CANARY);
  expect(await traces(page)).not.toContain(CANARY);
  expect(await memory(page), "a secret in a form is found in memory").toContain(CANARY);

  const show = page.getByRole("button", { name: "Show Password" });
  await show.click();
  expect(await page.locator("#field-edge-password").getAttribute("type")).toBe("text");
  expect(await page.locator("#field-edge-password").inputValue()).toBe(CANARY);
  expect(await traces(page)).not.toContain(CANARY);
  await show.click();
  expect(await page.locator("#field-edge-password").getAttribute("type")).toBe("password");

  await page.getByRole("button", { name: "Save and open" }).click();
  await page.locator("#state-label", { hasText: "Connected" }).waitFor();
  expect(await traces(page)).not.toContain(CANARY);
  expect(await memory(page)).not.toContain(CANARY);
});

test("a discarded secret is gone", async () => {
  const page = await open("servers");
  await page.locator("#edit").click();
  await page.getByRole("button", { name: "Replace Password" }).click();
  await page.keyboard.insertText(CANARY);
  await page.locator("#cancel").click();
  await page.locator("#dialog-confirm").click();
  await page.locator("#server-name").waitFor();
  expect(await traces(page)).not.toContain(CANARY);
  expect(await memory(page)).not.toContain(CANARY);
});

test("a saved secret is said to be saved; it can be replaced, or kept after all", async () => {
  const page = await open("servers");
  await page.locator("#edit").click();
  expect(await page.locator("#field-edge-password").count()).toBe(0);
  expect(await page.locator("#field-edge-password-saved").textContent()).toContain("Saved in the keychain");
  await page.locator("#replace-field-edge-password").click();
  await page.locator("#field-edge-password:focus").waitFor();
  await page.keyboard.insertText(CANARY);
  await page.locator("#keep-field-edge-password").click();
  await page.locator("#replace-field-edge-password:focus").waitFor();
  await page.locator("#cancel").click();
  expect(await page.locator("#server-name").textContent(), "nothing was changed").toBe("Production");
});

test("a secret the vault has not been asked for is not claimed to be saved", async () => {
  const page = await open("servers");
  await page.locator("#server-lab").click();
  await page.locator("#tab-advanced").click();
  expect(await page.locator("#field-clientKey-saved").textContent()).toContain("has not been asked");
});

test("a secret the vault does not have is asked for", async () => {
  const page = await open("servers");
  await page.locator("#server-empty").click();
  await page.locator("#edit").click();
  expect(await page.locator("#field-edge-password").isVisible()).toBe(true);
  expect(await page.locator("#field-edge-password-hint").textContent()).toBe("Not in the keychain yet.");
});

test("a header under another name is another secret", async () => {
  const page = await open("servers");
  await page.locator("#tab-headers").click();
  expect(await page.locator("#field-headers-0-value").count()).toBe(0);
  await page.locator("#field-headers-0-name").fill("X-Other");
  expect(await page.locator("#field-headers-0-value").isVisible()).toBe(true);
});
