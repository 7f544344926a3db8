// What every part of the form is given.

import type { SecretView } from "../bindings";
import type { Form } from "../draft";
import type { ErrorsByField } from "../errors";

export interface Fields {
  form: Form;
  secrets: readonly SecretView[];
  errors: ErrorsByField;
}
