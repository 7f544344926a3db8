// What went wrong, where it is shown.
//
// A rejected call carries a `Trouble` or `SaveErrors`. Anything else (the IPC itself failed) becomes one
// here, so that nothing is ever lost in the console.

import type { FieldError, SaveErrors, Trouble } from "./bindings";

/** A field's element id: `headers.0.name` → `field-headers-0-name`. */
export function fieldId(path: string): string {
  return `field-${path.replaceAll(".", "-")}`;
}

/** Errors by the field's path; `""` holds those that belong to no field of the form. */
export type ErrorsByField = Record<string, string>;

/** Puts each error at its field. One that names no field in `known` is said above the form. */
export function byField(errors: readonly FieldError[], known: (path: string) => boolean): ErrorsByField {
  const sorted: ErrorsByField = {};
  for (const { field, message } of errors) {
    const place = known(field) ? field : "";
    // Such a message reads on from its field's name.
    const text = place === field ? message : `${field}: ${message}`;
    sorted[place] = place in sorted ? `${sorted[place]} ${text}` : text;
  }
  return sorted;
}

export function asTrouble(reason: unknown): Trouble {
  if (hasText(reason, "sentence") && hasText(reason, "remedy") && hasText(reason, "code")) return reason;
  return {
    code: "window_cut_off",
    sentence: `This window cannot reach Postern: ${words(reason)}.`,
    remedy: "Close the window and open it again from the tray.",
  };
}

export function asSaveErrors(reason: unknown): FieldError[] {
  if (typeof reason === "object" && reason !== null && "errors" in reason && Array.isArray(reason.errors)) {
    const { errors } = reason as SaveErrors;
    if (errors.length > 0) return errors;
  }
  const { sentence, remedy } = asTrouble(reason);
  return [{ field: "", message: `${sentence} Nothing was saved. ${remedy}` }];
}

function hasText<K extends string>(value: unknown, key: K): value is Trouble {
  return (
    typeof value === "object" && value !== null && key in value && typeof value[key as never] === "string"
  );
}

function words(reason: unknown): string {
  const text =
    reason instanceof Error ? reason.message : typeof reason === "string" ? reason : "no reason given";
  return text.replace(/\.$/, "");
}
