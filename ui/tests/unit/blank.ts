// What a new server's form starts from.

import type { Draft } from "../../src/bindings";

export const BLANK: Draft = {
  id: null,
  name: "",
  url: "",
  apiUrl: "",
  port: null,
  color: null,
  readOnly: false,
  connect: "always",
  localPrograms: "key",
  edge: { kind: "none" },
  prefect: { kind: "none" },
  headers: [],
  caFile: "",
  clientCertFile: "",
  clientKeyFile: "",
  clientKey: "keep",
  clientKeyPassword: "keep",
  verify: true,
  proxy: "system",
};
