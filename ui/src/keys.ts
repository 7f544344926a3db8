// The keyboard's modifier for commands, as this platform has it.

const apple = /mac/i.test(navigator.platform);

/** Whether a key was pressed as a command: ⌘ on Apple's systems, Ctrl elsewhere. */
export function isCommand(event: KeyboardEvent): boolean {
  return (
    !event.altKey &&
    !event.shiftKey &&
    (apple ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey)
  );
}

/** How a command key is written: `⌘N`, `Ctrl+N`. */
export function commandKey(letter: string): string {
  return apple ? `⌘${letter}` : `Ctrl+${letter}`;
}

/** The same for `aria-keyshortcuts`. */
export function commandShortcut(letter: string): string {
  return `${apple ? "Meta" : "Control"}+${letter}`;
}
