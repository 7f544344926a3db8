// How the manager is built and tested.
//
// - `vite build` makes what the desktop app ships: `dist`, with relative addresses and nothing inline, so
//   that it runs under the app's Content-Security-Policy.
// - Mode `fixtures` (the dev server, and the build that browser tests load) adds a backend made of examples,
//   chosen by `?fixture=name`; `src/backend.ts` says why a production build cannot contain it.

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

export default defineConfig({
  base: "./",
  plugins: [svelte({ configFile: false })],
  server: {
    host: "127.0.0.1",
    // The app's picture lives beside `ui`, in `icons`.
    fs: { allow: [".."] },
  },
  build: {
    outDir: "dist",
    rolldownOptions: { checks: { pluginTimings: false } },
    // macOS 12's WebKit; WebKitGTK and WebView2 are newer.
    target: "safari15.4",
    // The polyfill would be an inline script; every target has modulepreload or needs none.
    modulePreload: { polyfill: false },
  },
  test: {
    projects: [
      { extends: true, test: { name: "unit", include: ["tests/unit/**/*.test.ts"] } },
      {
        extends: true,
        test: {
          name: "browser",
          include: ["tests/browser/**/*.test.ts"],
          globalSetup: "tests/browser/site.ts",
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
