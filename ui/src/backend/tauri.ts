// The backend in the app: commands and the event of `src-tauri`.

import { invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";

import type { Backend } from "../backend";
import type { ManagerView } from "../bindings";

export const tauri: Backend = {
  view: () => invoke("manager_view"),
  watch: (changed) => listen<ManagerView>("manager-view", (event) => changed(event.payload)),
  act: (action) => invoke("manager_act", { action }),
  look: (number, draft) => invoke("manager_look", { number, draft }),
  save: (draft) => invoke("manager_save", { draft }),
  activity: (id, after) => invoke("manager_activity", { id, after }),
  use: (id) => invoke("manager_use", { id }),
  report: (names) => invoke("manager_report", { names }),
  export: (id, exchanges) => invoke("manager_export", { id, exchanges }),
};
