// A browser to look at the manager with: Debian's Chromium, or the one POSTERN_CHROMIUM names.
//
// Whatever the page complains about (console errors, exceptions, violations of the policy) is collected,
// and fails the test that caused it.

import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, inject } from "vitest";

export interface Stage {
  /** Opens an example, in a fresh context. */
  open: (fixture: string, options?: BrowserContextOptions) => Promise<Page>;
}

/** To be called once in a test file. */
export function stage(): Stage {
  let browser: Browser;
  let complaints: string[] = [];

  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: process.env["POSTERN_CHROMIUM"] ?? "/usr/bin/chromium",
      args: [
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
  });
  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()));
    const found = complaints;
    complaints = [];
    expect(found).toEqual([]);
  });
  afterAll(() => browser.close());

  return {
    open: async (fixture, options = {}) => {
      const context = await browser.newContext({ viewport: { width: 960, height: 720 }, ...options });
      // As Tauri's `freezePrototype` does it.
      await context.addInitScript("Object.freeze(Object.prototype)");
      const page = await context.newPage();
      page.on("console", (message) => {
        if (["error", "warning"].includes(message.type())) complaints.push(message.text());
      });
      page.on("pageerror", (error) => complaints.push(error.message));
      await page.goto(`${inject("site")}?fixture=${fixture}`);
      await page.locator("main").waitFor();
      return page;
    },
  };
}
