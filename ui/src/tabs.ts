// The tabs of a server, in their order.

/** Those that its form is laid out in. */
export const FORM_TABS = ["connection", "headers", "advanced"] as const;

export type FormTab = (typeof FORM_TABS)[number];
export type Tab = FormTab | "overview" | "activity";

export const TABS: readonly { tab: Tab; label: string }[] = [
  { tab: "overview", label: "Overview" },
  { tab: "connection", label: "Connection" },
  { tab: "headers", label: "Headers" },
  { tab: "activity", label: "Activity" },
  { tab: "advanced", label: "Advanced" },
];

export function isFormTab(tab: Tab): tab is FormTab {
  return FORM_TABS.some((one) => one === tab);
}
