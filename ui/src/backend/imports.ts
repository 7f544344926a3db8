// What Prefect on the examples' machine knows. Never part of a production build.

import type { CandidateView, ImportState, ImportView, ServerView } from "../bindings";

const PROFILES = "/home/ada/.prefect/profiles.toml";

const PLACES = [
  "variables named PREFECT_…",
  "/home/ada/.env",
  "/home/ada/prefect.toml",
  "/home/ada/pyproject.toml",
  PROFILES,
];

const one = (given: Partial<CandidateView> & { key: string; place: string }): CandidateView => ({
  inUse: false,
  url: "",
  apiUrl: "",
  contents: [],
  notes: [],
  state: { kind: "open" },
  ...given,
});

const barred = (code: string, sentence: string, remedy: string): ImportState => ({
  kind: "barred",
  trouble: { code, sentence, remedy },
});

/** What is found; nothing where there are no servers yet and `name` says so. */
export function imports(name: string, servers: ServerView[]): ImportView {
  if (name === "one") return { candidates: [], troubles: [], places: PLACES };
  const candidates = [
    one({
      key: "environment",
      place: "the variable PREFECT_API_URL",
      inUse: true,
      url: "https://data.example.com",
      contents: ["auth string of admin", "header X-Tenant"],
      notes: [
        "The custom header User-Agent is left out, because it is set by Prefect's own clients (the variable PREFECT_CLIENT_CUSTOM_HEADERS).",
      ],
    }),
    one({
      key: "staging",
      place: `${PROFILES}, line 4`,
      url: "https://stage.example.com",
      contents: ["token"],
    }),
    one({
      key: "split",
      place: `${PROFILES}, line 8`,
      url: "https://ui.example.com",
      apiUrl: "https://api.example.com/v1",
      contents: ["certificates in /etc/ssl/corp.pem"],
    }),
    one({
      key: "cloud",
      place: `${PROFILES}, line 12`,
      state: barred(
        "prefect_cloud",
        "This is Prefect Cloud, which has a login and a dashboard of its own.",
        "Leave it where it is; Postern is for servers that are run by yourself.",
      ),
    }),
  ];
  const there = servers[0];
  if (there !== undefined) {
    const state = barred(
      "already_there",
      `“${there.name}” leads to this server already.`,
      "Edit that one, where something differs.",
    );
    candidates.push(one({ key: "prod", place: `${PROFILES}, line 16`, url: there.url, state }));
  }
  const trouble = {
    code: "settings_invalid",
    sentence: "/home/ada/prefect.toml, line 2: not valid TOML: invalid basic string.",
    remedy: "Correct it and look again; nothing of it was taken over.",
  };
  return { candidates, troubles: [trouble], places: PLACES };
}
