// Looks at examples of servers: their host's first word says what they ask for. Never part of a production build.

import type { Ask, CheckView, Color, Draft, FoundView, LookView, Trouble } from "../bindings";

const ok: Trouble = {
  code: "ok",
  sentence: "All is well: Prefect 3.8.8 behind nginx answers in 12 ms.",
  remedy: "",
};

const TROUBLES = {
  unreachable: {
    code: "server_unreachable",
    sentence: "The server at gone.example.com:443 cannot be reached: connection refused.",
    remedy: "Check that the server runs, that address and port are right, and whether a VPN must be on.",
  },
  missing: {
    code: "edge_credential_missing",
    sentence: "The server’s edge asks for a credential, and Postern has none for it.",
    remedy: "Give the edge’s user name and password, or its token.",
  },
  wrong: {
    code: "edge_credential_wrong",
    sentence: "The server’s edge refuses the profile’s credential.",
    remedy: "Enter the edge’s user name and password again.",
  },
  prefect: {
    code: "prefect_credential_missing",
    sentence: "Prefect asks for its auth string, and Postern has none.",
    remedy: "Give Prefect’s auth string, its user name and its password.",
  },
  sso: {
    code: "sign_in_required",
    sentence: "The server’s edge sends you to example.cloudflareaccess.com to sign in.",
    remedy:
      "Ask for a service token and a policy with the action “Service Auth” for it, and give its two headers: CF-Access-Client-Id and CF-Access-Client-Secret.",
  },
  moved: {
    code: "base_path_wrong",
    sentence: "Prefect’s UI is not there, but at https://moved.example.com/prefect.",
    remedy: "Use the address https://moved.example.com/prefect.",
  },
  away: {
    code: "base_path_wrong",
    sentence: "Prefect’s UI is not there, but at https://slow.example.com.",
    remedy: "Use the address https://slow.example.com.",
  },
  ca: {
    code: "certificate_refused",
    sentence: "The server’s certificate is signed by a CA that this computer does not know.",
    remedy: "Get the certificate of the CA that signed it, and give it as CA file.",
  },
} satisfies Record<string, Trouble>;

const ELSEWHERE = new Map<Trouble, string>([
  [TROUBLES.moved, "https://moved.example.com/prefect"],
  [TROUBLES.away, "https://slow.example.com"],
]);

const LAYERS: readonly (readonly [string, string])[] = [
  ["Address", "UI at the address, API below it at /api"],
  ["Name", "192.0.2.10"],
  ["Connection", "192.0.2.10:443 accepts connections"],
  ["Proxy", "none"],
  ["Certificate", "TLS 1.3, signed by Example CA, ends in 71 days"],
  ["Edge", "nginx"],
  ["Prefect", "3.8.8, with UI v1 and v2"],
  ["Auth string", "Prefect accepts the profile’s"],
  ["Changes", "Prefect asks for tokens, and gives them"],
  ["WebSockets", "open, and the auth message is accepted"],
  ["Clock", "as this computer’s"],
  ["Version", "nothing is known against 3.8.8"],
];

interface Verdict {
  trouble: Trouble;
  asks: Ask[];
  /** The layer that failed; 12 for none. */
  at: number;
}

function verdict(draft: Draft): Verdict {
  const { edge, prefect, headers, caFile, url } = draft;
  const host = url.replace(/^[a-z]+:\/\//, "");
  if (host.startsWith("gone.")) return { trouble: TROUBLES.unreachable, asks: [], at: 2 };
  if (host === "moved.example.com") return { trouble: TROUBLES.moved, asks: [], at: 6 };
  if (host === "away.example.com") return { trouble: TROUBLES.away, asks: [], at: 6 };
  if (host.startsWith("ca.") && caFile === "") return { trouble: TROUBLES.ca, asks: ["ca"], at: 4 };
  if (host.startsWith("sso.") && headers.length === 0)
    return { trouble: TROUBLES.sso, asks: ["headers"], at: 5 };
  if (/^(open|moved|sso|ca)\.|^127\./.test(host)) return { trouble: ok, asks: [], at: 12 };
  if (edge.kind === "none") return { trouble: TROUBLES.missing, asks: ["edge"], at: 5 };
  if (edge.kind === "basic" && typeof edge.password === "object" && edge.password.set === "wrong")
    return { trouble: TROUBLES.wrong, asks: ["edge"], at: 5 };
  if (host.startsWith("both.") && prefect.kind !== "own")
    return { trouble: TROUBLES.prefect, asks: ["prefect"], at: 7 };
  return { trouble: ok, asks: [], at: 12 };
}

function checksOf({ trouble, at }: Verdict): CheckView[] {
  return LAYERS.map(([label, evidence], index) => {
    if (index < at) return { label, state: "passed", evidence, trouble: null };
    if (index === at) return { label, state: "failed", evidence: "as the verdict says", trouble };
    return {
      label,
      state: "skipped",
      evidence: `not looked at, because “${LAYERS[at]?.[0]}” failed`,
      trouble: null,
    };
  });
}

function foundOf(draft: Draft, { trouble, asks }: Verdict, taken: readonly (Color | null)[]): FoundView {
  const url = draft.url.includes("://") ? draft.url : `https://${draft.url}`;
  const name = URL.parse(url)?.hostname ?? "";
  const fine = trouble === ok;
  const elsewhere = ELSEWHERE.get(trouble);
  const free = (["blue", "green", "purple", "orange"] as const).find((color) => !taken.includes(color));
  return {
    ok: fine,
    verdict: trouble,
    asks,
    url: URL.parse(url)?.href.replace(/\/$/, "") ?? url,
    foundAt: elsewhere === undefined ? null : { url: elsewhere, api_url: null },
    version: fine ? "3.8.8" : null,
    latencyMs: fine ? 12 : null,
    name,
    color: /\bprod/.test(name) ? "red" : (free ?? "gray"),
  };
}

/** A look, layer by layer, until the result is called. A server named “slow” does not get past its edge. */
export function lookAt(
  number: number,
  draft: Draft,
  taken: readonly (Color | null)[],
  tell: (look: LookView) => void,
): () => void {
  const outcome = verdict(draft);
  const checks = checksOf(outcome);
  const stuck = draft.url.includes("slow.");
  const url = draft.url.includes("://") ? draft.url : `https://${draft.url}`;
  if (URL.parse(url) === null || draft.url.trim() === "") {
    const message = "Is no web address. Begin it with https:// (or http:// where the server has no TLS).";
    tell({ number, checks: [], errors: [{ field: "url", message }], found: null });
    return () => undefined;
  }
  if (draft.edge.kind === "basic" && draft.id === null && draft.edge.password === "keep") {
    const message = "Nothing is saved here yet. Enter the value.";
    tell({ number, checks: [], errors: [{ field: "edge.password", message }], found: null });
    return () => undefined;
  }
  // As the app does it: who types, or clicks elsewhere, does that first.
  let shown = -10;
  const timer = setInterval(() => {
    shown += 1;
    if (shown <= 0) return;
    const over = shown > checks.length;
    tell({
      number,
      checks: checks.slice(0, shown),
      errors: [],
      found: over ? foundOf(draft, outcome, taken) : null,
    });
    if (over || (stuck && shown === 5)) clearInterval(timer);
  }, 20);
  tell({ number, checks: [], errors: [], found: null });
  return () => clearInterval(timer);
}
