// What people paste in one piece, taken apart.

/** Prefect's auth string, or a part of it. */
export interface AuthString {
  /** `null`: there is no colon in it, so that it may be either part. */
  username: string | null;
  password: string;
  /** What a person should know about it; may be empty. */
  hint: string;
}

/** Of `PREFECT_API_AUTH_STRING="user:password"` as it stands in a file; `null` where it is empty. */
export function authString(text: string): AuthString | null {
  const value = text.trim().replace(/^(?:export\s+)?PREFECT_(?:SERVER_)?API_AUTH_STRING\s*=\s*/, "");
  const bare = value.replace(/^(["'])(.*)\1$/, "$2");
  if (bare === "") return null;
  const colon = bare.indexOf(":");
  const quotes =
    bare === value ? "" : "The quotes around it are left out: they are the file’s, not the auth string’s.";
  if (colon < 0) {
    return { username: null, password: bare, hint: "An auth string has a colon in it: user:password." };
  }
  return { username: bare.slice(0, colon), password: bare.slice(colon + 1), hint: quotes };
}

/** Headers as `Name: value` lines, or as JSON, as `client.custom_headers` has them; `null` where they are neither. */
export function headerLines(text: string): { name: string; value: string }[] | null {
  const trimmed = text.trim().replace(/^(?:export\s+)?PREFECT_CLIENT_CUSTOM_HEADERS\s*=\s*/, "");
  const bare = trimmed.replace(/^'([^]*)'$/, "$1");
  if (bare.startsWith("{")) return fromJson(bare);
  const lines = bare.split(/\r?\n/).filter((line) => line.trim() !== "");
  const found = lines.map((line) => /^\s*(?:-H\s+)?["']?([!#$%&'*+.^_`|~\w-]+):\s*(.*?)["']?\s*$/.exec(line));
  if (found.length === 0 || found.some((match) => match === null)) return null;
  return found.map((match) => ({ name: match?.[1] ?? "", value: match?.[2] ?? "" }));
}

function fromJson(text: string): { name: string; value: string }[] | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof parsed !== "object" || parsed === null) return null;
  const entries = Object.entries(parsed);
  if (entries.length === 0 || entries.some(([, value]) => typeof value !== "string")) return null;
  return entries.map(([name, value]) => ({ name, value: String(value) }));
}
