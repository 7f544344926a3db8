// The manager without a mouse.

import type { Page } from "playwright-core";
import { expect, test } from "vitest";

import { stage } from "./stage";

const { open } = stage();

const focused = (page: Page) => page.evaluate(() => document.activeElement?.id);
const heading = (page: Page) => page.locator("h1").textContent();
const press = async (page: Page, ...keys: string[]) => {
  for (const key of keys) await page.keyboard.press(key);
};

test("the list is one stop for Tab, and arrows choose in it", async () => {
  const page = await open("servers");
  await press(page, "Tab", "Tab");
  expect(await focused(page)).toBe("server-prod");
  await press(page, "ArrowDown", "ArrowDown");
  expect(await focused(page)).toBe("server-eu");
  expect(await heading(page)).toBe("Europe");
  await press(page, "End");
  expect(await heading(page)).toBe("New region");
  await press(page, "s");
  expect(await focused(page)).toBe("server-staging");
  await press(page, "Tab");
  expect(await focused(page)).toBe("settings");
  await press(page, "Tab");
  expect(await focused(page)).toBe("connect-switch");
  await press(page, "Shift+Tab", "Shift+Tab");
  expect(await focused(page)).toBe("server-staging");
});

test("the switch connects and disconnects with the space bar, and the state is announced", async () => {
  const page = await open("servers");
  await page.locator("#server-empty").click();
  const toggle = page.getByRole("switch", { name: "Connect" });
  await toggle.focus();
  await press(page, "Space");
  await page.locator("#state-label", { hasText: "Connected" }).waitFor();
  expect(await toggle.getAttribute("aria-checked")).toBe("true");
  expect(await page.locator("#announcements").textContent()).toBe("New region: Connected.");
  await press(page, "Space");
  await page.locator("#state-label", { hasText: "Off" }).waitFor();
});

test("Delete asks, Escape keeps, and the focus comes back", async () => {
  const page = await open("servers");
  await page.locator("#server-staging").click();
  await page.locator("#server-staging").focus();
  await press(page, "Delete");
  await page.getByRole("dialog", { name: "Remove “Staging”?" }).waitFor();
  expect(await focused(page)).toBe("dialog-dismiss");
  await press(page, "Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  expect(await focused(page)).toBe("server-staging");
  expect(await page.getByRole("option").count()).toBe(7);
});

test("after a removal the server that follows is chosen and has the focus", async () => {
  const page = await open("servers");
  await page.locator("#server-staging").click();
  await page.locator("#remove").click();
  await press(page, "Tab", "Enter");
  await page.locator("#server-staging").waitFor({ state: "detached" });
  await page.locator("#server-eu:focus").waitFor();
  expect(await heading(page)).toBe("Europe");
  expect(await page.locator("#announcements").textContent()).toBe("Staging is removed.");
});

test("removing the last server leads back to the first form", async () => {
  const page = await open("one");
  await page.locator("#remove").click();
  await page.locator("#dialog-confirm").click();
  await page.getByRole("heading", { name: "Add your first server" }).waitFor();
  expect(await focused(page)).toBe("field-url");
});

test("a command key adds, and Escape cancels at once while nothing is typed", async () => {
  const page = await open("servers");
  await press(page, "Control+n");
  expect(await heading(page)).toBe("Add a server");
  expect(await focused(page)).toBe("field-url");
  await press(page, "Escape");
  expect(await heading(page)).toBe("Production");
  expect(await focused(page)).toBe("add-server");
});

test("what was typed is given up only when asked", async () => {
  const page = await open("servers");
  await press(page, "Control+n");
  await page.keyboard.insertText("https://new.example.com");
  await press(page, "Escape");
  await page.getByRole("dialog", { name: "Discard what you typed?" }).waitFor();
  await press(page, "Escape");
  expect(await focused(page)).toBe("field-url");
  await page.locator("#server-eu").click();
  await page.getByRole("dialog").waitFor();
  await press(page, "Enter");
  expect(await page.locator("#field-url").inputValue()).toBe("https://new.example.com");
  await page.locator("#server-eu").click();
  await page.getByRole("button", { name: "Discard" }).click();
  expect(await heading(page)).toBe("Europe");
});

test("F2 and Delete work from the server's pane as well", async () => {
  const page = await open("servers");
  await page.locator("#server-lab").click();
  await page.locator("#edit").focus();
  await press(page, "Delete");
  await page.getByRole("dialog", { name: "Remove “Lab”?" }).waitFor();
  await press(page, "Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  expect(await focused(page)).toBe("edit");
  await press(page, "F2");
  await page.locator("#field-url:focus").waitFor();
  expect(await heading(page)).toBe("Lab");
});

test("F2 edits, Enter saves, and the heading has the focus", async () => {
  const page = await open("servers");
  await page.locator("#server-lab").click();
  await page.locator("#server-lab").focus();
  await press(page, "F2");
  await page.locator("#field-url:focus").waitFor();
  await page.locator("#tab-advanced").click();
  await page.locator("#field-name").fill("Laboratory");
  await press(page, "Enter");
  await page.locator("#server-name:focus").waitFor();
  expect(await heading(page)).toBe("Laboratory");
});

test("the tabs are one stop for Tab, and arrows go round in them", async () => {
  const page = await open("servers");
  await page.locator("#connect-switch").focus();
  await press(page, "Tab");
  expect(await focused(page)).toBe("tab-overview");
  for (const [key, tab, panel] of [
    ["ArrowLeft", "tab-advanced", "panel-advanced"],
    ["Home", "tab-overview", "panel-overview"],
    ["ArrowRight", "tab-connection", "panel-connection"],
    ["ArrowRight", "tab-headers", "panel-headers"],
    ["ArrowRight", "tab-activity", "panel-activity"],
  ] as const) {
    await press(page, key);
    expect(await focused(page)).toBe(tab);
    expect(await page.locator("[role=tabpanel]:visible").getAttribute("id")).toBe(panel);
  }
  await press(page, "Tab");
  expect(await focused(page)).toBe("filter");
});

test("what was typed stays while other tabs are looked at, and is given up only when asked", async () => {
  const page = await open("servers");
  await press(page, "F2");
  await page.locator("#tab-advanced").click();
  await page.locator("#field-name").fill("Elsewhere");
  await page.locator("#tab-activity").click();
  expect(await page.getByRole("tab", { name: "Advanced (not saved)" }).count()).toBe(1);
  await page.locator("#server-eu").click();
  await page.getByRole("dialog", { name: "Discard what you typed?" }).waitFor();
  await press(page, "Escape");
  await page.locator("#tab-advanced").click();
  expect(await page.locator("#field-name").inputValue()).toBe("Elsewhere");
  await page.locator("#cancel").click();
  await page.getByRole("button", { name: "Discard" }).click();
  await page.locator("#edit:focus").waitFor();
  await page.locator("#tab-advanced").click();
  expect(await page.locator("#field-name").inputValue()).toBe("Production");
});

test("an error in another tab leads there", async () => {
  const page = await open("servers");
  await page.locator("#tab-advanced").click();
  await page.locator("#field-port").fill("4202");
  await page.locator("#tab-headers").click();
  await page.locator("#save").click();
  await page.locator("#field-port:focus").waitFor();
  expect(await page.locator("#tab-advanced").getAttribute("aria-selected")).toBe("true");
});

test("errors are at their fields, the first has the focus, and typing takes its error away", async () => {
  const page = await open("first-start");
  await page.locator("#by-hand").click();
  await page.locator("#advanced").click();
  await page.locator("#field-port").fill("4201");
  await page.locator("#advanced").click();
  await page.locator("#add-header").click();
  await page.locator("#field-headers-0-name").fill("Host");
  await page.locator("#save").click();
  await page.locator("#field-url:focus").waitFor();
  const name = page.locator("#field-headers-0-name");
  expect(await name.getAttribute("aria-invalid")).toBe("true");
  expect(await name.inputValue()).toBe("Host");
  expect(await page.locator("#field-url").getAttribute("aria-describedby")).toBe(
    "field-url-hint field-url-error",
  );
  await page.locator("#field-url").fill("https://prefect.example.com");
  expect(await page.locator("#field-url").getAttribute("aria-invalid")).toBe(null);
  await page.locator("#save").click();
  await page.locator("#field-edge-username:focus").waitFor();
});

test("an error behind Advanced opens it", async () => {
  const page = await open("servers");
  await press(page, "Control+n");
  await page.locator("#by-hand").click();
  await page.locator("#field-url").fill("https://prefect.example.com");
  await page.locator("#field-edge-username").fill("ada");
  await page.locator("#advanced").click();
  await page.locator("#field-port").fill("4201");
  await page.locator("#advanced").click();
  await page.locator("#save").click();
  await page.locator("#field-port:focus").waitFor();
});

test("a new server that is set up by hand is saved, connected and shown", async () => {
  const page = await open("first-start");
  await page.locator("#by-hand").click();
  await page.locator("#field-url").focus();
  await page.keyboard.insertText("https://prefect.example.com");
  await page.getByLabel("User name", { exact: true }).fill("ada");
  await page.getByLabel("Password", { exact: true }).fill("s3cret");
  await press(page, "Enter");
  await page.locator("#state-label", { hasText: "Connected" }).waitFor();
  expect(await heading(page)).toBe("prefect.example.com");
});

test("nothing can be saved while the file cannot be read, and the form says why", async () => {
  const page = await open("unreadable-later");
  expect(await page.locator("#add-server").isDisabled()).toBe(true);
  await press(page, "Control+n");
  expect(await heading(page)).toBe("Production");
});
