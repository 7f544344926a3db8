// The manager with its examples, built and served on loopback for as long as browser tests run, under the
// Content-Security-Policy that the app gives it.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { build, preview } from "vite";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    site: string;
  }
}

/** The part of it that matters here. */
interface AppConfig {
  app: { security: { csp: string } };
}

export default async function serve(project: TestProject): Promise<() => Promise<void>> {
  const app: AppConfig = JSON.parse(await readFile("../src-tauri/tauri.conf.json", "utf8"));
  const outDir = await mkdtemp(join(tmpdir(), "postern-ui-"));
  await build({ mode: "fixtures", logLevel: "warn", build: { outDir, emptyOutDir: true } });
  const server = await preview({
    logLevel: "warn",
    build: { outDir },
    preview: { host: "127.0.0.1", port: 0, headers: { "Content-Security-Policy": app.app.security.csp } },
  });
  const address = server.httpServer.address();
  if (address === null || typeof address === "string") throw new Error("the preview server has no port");
  project.provide("site", `http://127.0.0.1:${address.port}/`);
  return async () => {
    await server.close();
    await rm(outDir, { recursive: true });
  };
}
