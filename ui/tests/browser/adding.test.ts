// A server is added by its address, and by answers to what it asks.

import type { Page } from "playwright-core";
import { expect, test } from "vitest";

import { stage } from "./stage";

const { open } = stage();

const verdict = (page: Page, text: string) => page.locator("#look-verdict", { hasText: text }).waitFor();
const focused = (page: Page) => page.evaluate(() => document.activeElement?.id);

test("the keyboard alone adds a server: address, what it asks for, green, saved and open", async () => {
  const page = await open("first-start");
  await page.locator("#field-url:focus").waitFor();
  expect(await page.locator("#field-edge-username").count()).toBe(0);
  await page.keyboard.insertText("prefect.example.com");
  await verdict(page, "asks for a credential");
  expect(await focused(page), "nothing takes the focus from who types").toBe("field-url");
  for (const stop of ["look-details", "field-edge-kind-basic", "field-edge-username"]) {
    await page.keyboard.press("Tab");
    expect(await focused(page)).toBe(stop);
  }
  await page.keyboard.insertText("ada");
  await page.keyboard.press("Tab");
  await page.keyboard.insertText("s3cret");
  await page.keyboard.press("Enter");
  await verdict(page, "Connected: Prefect 3.8.8 · answers in 12 ms");
  expect(await page.locator("#field-name").inputValue()).toBe("prefect.example.com");
  expect(await page.locator("#field-color-blue").isChecked()).toBe(true);
  await page.keyboard.press("Enter");
  await page.locator("#server-name:focus").waitFor();
  await page.locator("#state-label", { hasText: "Connected" }).waitFor();
  expect(await page.locator("#server-url").textContent()).toContain("https://prefect.example.com");
});

test("a link to a server that is not here fills the form, and asks nobody before somebody says so", async () => {
  const page = await open("offered");
  await page.locator("#field-url:focus").waitFor();
  expect(await page.locator("#field-url").inputValue()).toBe("https://slow.example.com/runs?page=2");
  expect(await page.locator("#look").count()).toBe(0);
  await page.keyboard.press("Enter");
  await page.locator("#look").waitFor();
  // Once taken it is offered no more.
  await page.keyboard.press("Escape");
  await page.locator("#server-name").waitFor();
});

test("a wrong password is said, and the right one after it is enough", async () => {
  const page = await open("first-start");
  await page.locator("#field-url").fill("prefect.example.com");
  await page.locator("#field-edge-username").fill("ada");
  await page.locator("#field-edge-password").fill("wrong");
  await page.locator("#save").click();
  await verdict(page, "refuses the profile’s credential");
  expect(await page.locator("#look-remedy").textContent()).toContain("again");
  await page.locator("#field-edge-password").fill("s3cret");
  await page.locator("#field-edge-username").focus();
  await verdict(page, "Connected");
  // What it is called and how it looks is no business of the server's: nobody asks it again.
  await page.locator("label", { hasText: "Red" }).click();
  expect(await page.locator("#save").textContent()).toContain("Save and open");
  await page.locator("#save").click();
  await page.locator("#server-name:focus").waitFor();
});

test("half an answer is not looked at, and asked for once somebody wants to go on", async () => {
  const page = await open("first-start");
  await page.locator("#field-url").fill("prefect.example.com");
  await page.locator("#field-edge-username").fill("ada");
  await page.locator("#field-edge-password").focus();
  await verdict(page, "asks for a credential");
  await page.locator("#save").click();
  await page.locator("#field-edge-password:focus").waitFor();
  expect(await page.locator("#field-edge-password").getAttribute("aria-invalid")).toBe("true");
});

test("another address is asked anew, and shown nothing that was for the other", async () => {
  const page = await open("servers");
  await page.locator("#add-server").click();
  await page.locator("#field-url").fill("prefect.example.com");
  await page.locator("#field-edge-username").fill("ada");
  await page.locator("#field-edge-password").fill("s3cret");
  await page.locator("#field-edge-username").focus();
  await verdict(page, "Connected");
  await page.locator("#field-url").fill("https://sso.example.com");
  await verdict(page, "to sign in");
  expect(await page.locator("#field-edge-password").count()).toBe(0);
  expect(await page.locator("#field-name").count()).toBe(0);
  expect(await page.locator("#save").textContent()).toContain("Check");
});

test("headers pasted in one piece become lines", async () => {
  const page = await open("servers");
  await page.locator("#add-server").click();
  await page.locator("#field-url").fill("https://sso.example.com");
  const paste = async (id: string, text: string) => {
    await page.locator(id).evaluate((element, text) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData("text", text);
      element.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
    }, text);
  };
  await page.locator("#field-headers-0-name").waitFor();
  await paste("#field-headers-0-name", '{"CF-Access-Client-Id": "id", "CF-Access-Client-Secret": "s3cret"}');
  expect(await page.locator("#field-headers-1-name").inputValue()).toBe("CF-Access-Client-Secret");
  expect(await page.locator("#field-headers-1-value").inputValue()).toBe("s3cret");
  await page.locator("#save").click();
  await verdict(page, "Connected");

  await page.locator("#field-url").fill("https://both.example.com");
  await page.locator("#field-edge-username").fill("ada");
  await page.locator("#field-edge-password").fill("s3cret");
  await page.locator("#save").click();
  await page.locator("#field-prefect-username").waitFor();
  await paste("#field-prefect-username", '"admin:s3cret"');
  expect(await page.locator("#field-prefect-username").inputValue()).toBe("admin");
  expect(await page.locator("#field-prefect-password").inputValue()).toBe("s3cret");
  expect(await page.locator("#auth-string-hint").textContent()).toContain("quotes");
});

test("a server that is found elsewhere is taken from there, until somebody wants it as it was typed", async () => {
  const page = await open("servers");
  await page.locator("#add-server").click();
  await page.locator("#field-url").fill("moved.example.com");
  await verdict(page, "Connected");
  expect(await page.locator("#moved").textContent()).toContain("https://moved.example.com/prefect");
  expect(await page.locator("#field-url").inputValue(), "what is typed is left alone").toBe(
    "moved.example.com",
  );
  await page.locator("#as-typed").click();
  await verdict(page, "is not there");
  expect(await page.locator("#moved").count()).toBe(0);
  await page.locator("#follow").click();
  await verdict(page, "Connected");
  await page.locator("#save").click();
  await page.locator("#server-name:focus").waitFor();
  expect(await page.locator("#server-url").textContent()).toContain("https://moved.example.com/prefect");
});

test("an address is taken as it was typed also while the place found is still looked at", async () => {
  const page = await open("servers");
  await page.locator("#add-server").click();
  await page.locator("#field-url").fill("away.example.com");
  // The look there does not end.
  await page.locator("#as-typed").click();
  await verdict(page, "is not there");
  expect(await page.locator("#moved").count()).toBe(0);
  expect(await page.locator("#follow").textContent()).toContain("https://slow.example.com");
});

test("a server that cannot be reached can be saved all the same, and is not opened", async () => {
  const page = await open("servers");
  await page.locator("#add-server").click();
  await page.locator("#field-url").fill("gone.example.com");
  await verdict(page, "cannot be reached");
  await page.locator("#save-anyway").click();
  await page.locator("#server-name:focus").waitFor();
  expect(await page.locator("#server-url").textContent()).toContain("https://gone.example.com");
});

test("what is known of a server is a start for setting it by hand", async () => {
  const page = await open("servers");
  await page.locator("#add-server").click();
  await page.locator("#field-url").fill("prefect.example.com");
  await page.locator("#field-edge-username").fill("ada");
  await page.locator("#by-hand").click();
  expect(await page.locator("#field-url").inputValue()).toBe("https://prefect.example.com");
  expect(await page.locator("#field-edge-username").inputValue()).toBe("ada");
  expect(await page.locator("#look").count()).toBe(0);
});

test("an edited server is looked at before it is saved, and cancelling ends that", async () => {
  const page = await open("servers");
  await page.locator("#edit").click();
  await page.locator("#look-now").click();
  await verdict(page, "Connected");
  await page.locator("#replace-field-edge-password").click();
  await page.locator("#field-edge-password").fill("wrong");
  await page.locator("#field-edge-username").focus();
  await verdict(page, "refuses the profile’s credential");
  await page.locator("#cancel").click();
  await page.locator("#dialog-confirm").click();
  await page.locator("#edit:focus").waitFor();
  expect(await page.locator("#look").count()).toBe(0);
});

test("a failing server says which layer refuses, when it is asked", async () => {
  const page = await open("servers");
  await page.locator("#server-staging").click();
  await page.locator("#check-again").click();
  await page.locator("#look-details").click();
  await page.locator("#look dd", { hasText: "refuses" }).waitFor();
  expect(await page.locator("#trouble-sentence").textContent()).toContain("refuses the profile’s credential");
  await page.getByRole("button", { name: "Look for the cause again" }).waitFor();
});

test("a look that the tray began is shown of a server that is connected too, and can be repeated", async () => {
  const page = await open("diagnosed");
  await verdict(page, "Reachable: Prefect 3.8.8 · answers in 12 ms");
  expect(await page.locator("#trouble-sentence").count()).toBe(0);
  await page.getByRole("button", { name: "Look again" }).click();
  await verdict(page, "Looking");
  await verdict(page, "Reachable");
});
