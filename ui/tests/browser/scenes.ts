// Every state worth a look: an example, and how to get from its first view to the scene.

import type { Page } from "playwright-core";

export interface Scene {
  name: string;
  fixture: string;
  play?: (page: Page) => Promise<void>;
}

const choose = (id: string) => (page: Page) => page.locator(`#server-${id}`).click();
const edit = (id: string) => async (page: Page) => {
  await choose(id)(page);
  await page.locator("#edit").click();
};
const add = (address: string) => async (page: Page) => {
  await page.locator("#add-server").click();
  await page.locator("#field-url").fill(address);
};
/** The same, looked at to its end. */
const seen = (address: string) => async (page: Page) => {
  await add(address)(page);
  await page.locator("#look-details").waitFor();
  await page.locator("#look-verdict:not(:has-text('Looking'))").waitFor();
};
const answer = (user: string, password: string) => async (page: Page) => {
  await seen("prefect.example.com")(page);
  await page.locator("#field-edge-username").fill(user);
  await page.locator("#field-edge-password").fill(password);
  await page.locator("#save").click();
};
const importing = async (page: Page) => {
  await page.locator("#add-server").click();
  await page.locator("#import-from-prefect").click();
  await page.locator("#candidates, #import-nothing").waitFor();
};
const tab = (id: string, name: string) => async (page: Page) => {
  await choose(id)(page);
  await page.locator(`#tab-${name}`).click();
};

export const SCENES: readonly Scene[] = [
  { name: "loading", fixture: "loading" },
  { name: "cut-off", fixture: "cut-off" },
  { name: "first-start", fixture: "first-start" },
  {
    name: "first-start-errors",
    fixture: "first-start",
    play: (page) => page.locator("#save").click(),
  },
  { name: "one", fixture: "one" },
  { name: "up", fixture: "servers" },
  { name: "failing", fixture: "servers", play: choose("staging") },
  { name: "starting", fixture: "servers", play: choose("eu") },
  { name: "sign-in", fixture: "servers", play: choose("partner") },
  { name: "unverified", fixture: "servers", play: choose("lab") },
  { name: "port-taken", fixture: "servers", play: choose("archive") },
  { name: "off-vault-empty", fixture: "servers", play: choose("empty") },
  {
    name: "up-checked",
    fixture: "diagnosed",
    play: (page) => page.locator("#look-verdict", { hasText: "Reachable" }).waitFor(),
  },
  { name: "unreadable", fixture: "unreadable" },
  { name: "unreadable-later", fixture: "unreadable-later" },
  { name: "vault-locked", fixture: "vault-locked" },
  { name: "vault-absent", fixture: "vault-absent" },
  { name: "vault-absent-at-first", fixture: "vault-absent-at-first" },
  { name: "in-memory", fixture: "in-memory" },
  { name: "unlocking", fixture: "unlocking" },
  { name: "crashed", fixture: "crashed" },
  { name: "broken", fixture: "broken" },
  {
    name: "report",
    fixture: "crashed",
    play: async (page) => {
      await page.locator("#report-crash").click();
      await page.locator("#save-report").click();
      await page.locator("#report-saved code").first().waitFor();
    },
  },
  { name: "long", fixture: "long", play: choose("long") },
  { name: "many", fixture: "many" },
  { name: "refused", fixture: "refusing", play: (page) => page.locator("#open").click() },
  { name: "settings", fixture: "servers", play: (page) => page.locator("#settings").click() },
  { name: "add", fixture: "servers", play: (page) => page.locator("#add-server").click() },
  {
    name: "add-looking",
    fixture: "servers",
    play: async (page) => {
      await add("https://slow.example.com")(page);
      await page.locator("#look-step", { hasText: "Certificate" }).waitFor();
    },
  },
  { name: "add-asks", fixture: "servers", play: seen("prefect.example.com") },
  {
    name: "add-wrong",
    fixture: "servers",
    play: async (page) => {
      await answer("ada", "wrong")(page);
      await page.locator("#look-verdict", { hasText: "refuses" }).waitFor();
    },
  },
  { name: "add-headers", fixture: "servers", play: seen("https://sso.example.com") },
  { name: "add-ca", fixture: "servers", play: seen("https://ca.example.com") },
  {
    name: "add-green",
    fixture: "servers",
    play: async (page) => {
      await answer("ada", "s3cret")(page);
      await page.locator("#field-name").waitFor();
    },
  },
  {
    name: "add-moved",
    fixture: "servers",
    play: async (page) => {
      await seen("moved.example.com")(page);
      await page.locator("#field-name").waitFor();
    },
  },
  {
    name: "add-as-typed",
    fixture: "servers",
    play: async (page) => {
      await seen("moved.example.com")(page);
      await page.locator("#as-typed").click();
      await page.locator("#follow").waitFor();
    },
  },
  {
    name: "add-unreachable",
    fixture: "servers",
    play: async (page) => {
      await seen("gone.example.com")(page);
      await page.locator("#look-details").click();
    },
  },
  {
    name: "add-both",
    fixture: "first-start",
    play: async (page) => {
      await page.locator("#field-url").fill("both.example.com");
      await page.locator("#field-edge-username").fill("ada");
      await page.locator("#field-edge-password").fill("s3cret");
      await page.locator("#save").click();
      await page.locator("#ask-prefect").waitFor();
    },
  },
  { name: "activity-broken", fixture: "stumbling", play: tab("prod", "activity") },
  {
    name: "edit-checked",
    fixture: "servers",
    play: async (page) => {
      await edit("prod")(page);
      await page.locator("#look-now").click();
      await page.locator("#look-verdict", { hasText: "Connected" }).waitFor();
    },
  },
  {
    name: "failing-checked",
    fixture: "servers",
    play: async (page) => {
      await choose("staging")(page);
      await page.locator("#check-again").click();
      await page.locator("#look-details").click();
      await page.locator("#look dd", { hasText: "refuses" }).waitFor();
    },
  },
  {
    name: "add-advanced",
    fixture: "servers",
    play: async (page) => {
      await page.locator("#add-server").click();
      await page.locator("#by-hand").click();
      await page.locator("#field-edge-kind-bearer").click();
      await page.locator("#field-prefect-own").click();
      await page.locator("#add-header").click();
      await page.locator("#advanced").click();
      await page.locator("#field-color-teal").check({ force: true });
      await page.locator("#field-verify").uncheck();
      await page.locator("#field-proxyKind").selectOption("custom");
    },
  },
  { name: "offered", fixture: "offered" },
  { name: "import", fixture: "servers", play: importing },
  { name: "import-nothing", fixture: "one", play: importing },
  {
    name: "import-done",
    fixture: "first-start",
    play: async (page) => {
      await page.locator("#import-from-prefect").click();
      await page.locator("#import-1").check();
      await page.locator("#import-0").check();
      await page.locator("#import").click();
      await page.locator("li.failed").waitFor();
    },
  },
  { name: "edit", fixture: "servers", play: edit("prod") },
  {
    name: "edit-replacing",
    fixture: "servers",
    play: async (page) => {
      await edit("prod")(page);
      await page.locator("#replace-field-edge-password").click();
    },
  },
  { name: "edit-headers", fixture: "servers", play: tab("prod", "headers") },
  { name: "edit-no-headers", fixture: "servers", play: tab("eu", "headers") },
  { name: "edit-advanced", fixture: "servers", play: tab("prod", "advanced") },
  { name: "edit-client-key", fixture: "servers", play: tab("lab", "advanced") },
  { name: "edit-unreadable", fixture: "unreadable-later", play: tab("prod", "connection") },
  {
    name: "edit-unsaved",
    fixture: "servers",
    play: async (page) => {
      await tab("prod", "advanced")(page);
      await page.locator("#field-name").fill("Production, Frankfurt");
      await page.locator("#tab-overview").click();
    },
  },
  {
    name: "edit-errors",
    fixture: "servers",
    play: async (page) => {
      await tab("prod", "headers")(page);
      await page.locator("#field-headers-0-name").fill("Host");
      await page.locator("#tab-advanced").click();
      await page.locator("#field-port").fill("4202");
      await page.locator("#save").click();
      await page.locator("#field-port:focus").waitFor();
    },
  },
  { name: "activity", fixture: "servers", play: tab("prod", "activity") },
  {
    name: "activity-chosen",
    fixture: "servers",
    play: async (page) => {
      await tab("prod", "activity")(page);
      await page.locator("#exchange-53").click();
      await page.locator("#pause").click();
      await page.locator("#export").click();
      await page.locator("#saved code").waitFor();
    },
  },
  {
    name: "activity-problems",
    fixture: "servers",
    play: async (page) => {
      await tab("prod", "activity")(page);
      await page.locator("#filter-problems").check();
    },
  },
  {
    name: "activity-nothing-fits",
    fixture: "servers",
    play: async (page) => {
      await tab("prod", "activity")(page);
      await page.locator("#filter").fill("work_queues");
      await page.locator("#nothing-fits").waitFor();
    },
  },
  { name: "activity-nothing-yet", fixture: "servers", play: tab("eu", "activity") },
  { name: "activity-off", fixture: "servers", play: tab("empty", "activity") },
  {
    name: "activity-not-saved",
    fixture: "refusing",
    play: async (page) => {
      await tab("prod", "activity")(page);
      await page.locator("#export").click();
    },
  },
  {
    name: "activity-long",
    fixture: "long",
    play: async (page) => {
      await tab("long", "activity")(page);
      await page.locator("#exchange-1").click();
    },
  },
  { name: "activity-full", fixture: "many", play: tab("server-0", "activity") },
  {
    name: "activity-busy",
    fixture: "busy",
    play: async (page) => {
      await tab("prod", "activity")(page);
      await page.locator("#exchanges").waitFor();
      await page.locator("#pause").click();
    },
  },
  {
    name: "remove",
    fixture: "servers",
    play: (page) => page.locator("#remove").click(),
  },
  {
    name: "discard",
    fixture: "servers",
    play: async (page) => {
      await page.locator("#add-server").click();
      await page.locator("#field-url").fill("https://prefect.example.com");
      await page.locator("#cancel").click();
    },
  },
];
