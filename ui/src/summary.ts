// A server's settings in words, for the pane that shows it.

import type { ServerView } from "./bindings";
import { headerSlot, savedIn } from "./draft";

/** One line: what, and its values; `saved` where a value stands for a secret. */
export interface Line {
  term: string;
  values: { text: string; saved?: boolean | null | undefined }[];
}

/** Everything but names and addresses that the pane shows anyway; settings nobody made are left out. */
export function summary({ form, secrets }: ServerView): Line[] {
  const saved = (slot: string) => savedIn(secrets, slot) ?? null;
  // For secrets that there need not be.
  const inVault = (text: string, slot: string) =>
    saved(slot) === false ? [] : [{ text, saved: saved(slot) }];
  const lines: Line[] = [];
  const line = (term: string, ...values: Line["values"]) => {
    if (values.length > 0) lines.push({ term, values });
  };

  switch (form.edge.kind) {
    case "none":
      line("Sign-in", { text: "None" });
      break;
    case "basic":
      line("Sign-in", {
        text: `User name and password: ${form.edge.username}`,
        saved: saved("edge-password"),
      });
      break;
    case "bearer":
      line("Sign-in", { text: "Token", saved: saved("edge-token") });
      break;
  }
  switch (form.prefect.kind) {
    case "none":
      line("Prefect’s auth string", { text: "None" });
      break;
    case "same-as-edge":
      line("Prefect’s auth string", {
        text: "The same user name and password",
        saved: saved("prefect-password"),
      });
      break;
    case "own":
      line("Prefect’s auth string", { text: `${form.prefect.username}:…`, saved: saved("prefect-password") });
      break;
  }
  line("Headers", ...form.headers.map(({ name }) => ({ text: name, saved: saved(headerSlot(name)) })));
  if (form.apiUrl !== "") line("API address", { text: form.apiUrl });
  line("Connects", { text: form.connect === "always" ? "When Postern starts" : "When asked" });
  line("Local programs", {
    text: { key: "With the local key", open: "Any you run", off: "None" }[form.localPrograms],
  });
  if (!form.verify) {
    line("Certificate", { text: "Not verified" });
  } else if (form.caFile !== "") {
    line("Certificate", { text: `Verified by the system, and by ${form.caFile}` });
  }
  if (form.clientCertFile !== "") {
    line(
      "Client certificate",
      { text: form.clientCertFile },
      ...(form.clientKeyFile === "" ? inVault("Its key", "client-key") : [{ text: form.clientKeyFile }]),
      ...inVault("Its passphrase", "client-key-password"),
    );
  }
  if (form.proxy !== "system") line("Proxy", { text: form.proxy === "none" ? "None" : form.proxy });
  return lines;
}
